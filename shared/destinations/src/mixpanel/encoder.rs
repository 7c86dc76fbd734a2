use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::config::{EventName, WithoutUser};
use driftless_core::json::Scanned;
use driftless_core::mapping::{canonical_text, time_ms_of, timestamp_text, truncate_utf8};
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowEncoder;

use super::columns::{ColumnPlan, write_prefix};
use super::destination::Mapping;
use super::json::{NestedError, fields_of, string_of, write_json, write_number, write_string};
use super::limits::{EVENT_BYTES, INSERT_ID_BYTES, PROPERTIES, STRING_BYTES, is_banned};
use super::reserved::property_name;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Writes rows as events. Properties come in the order of their names, so that the order of columns changes nothing.
pub(super) struct EventEncoder {
    mapping: Arc<Mapping>,
    hidden: Vec<String>,
    plan: Option<(Arc<Columns>, Arc<ColumnPlan>)>,
    event: String,
    distinct_id: String,
    observed: Observed,
}

impl EventEncoder {
    pub fn new(mapping: Arc<Mapping>, hidden: Vec<String>) -> Self {
        Self {
            mapping,
            hidden,
            plan: None,
            event: String::new(),
            distinct_id: String::new(),
            observed: Observed::default(),
        }
    }

    fn plan(&mut self, columns: &Arc<Columns>) -> Arc<ColumnPlan> {
        if let Some((known, plan)) = &self.plan
            && Arc::ptr_eq(known, columns)
        {
            return plan.clone();
        }
        let plan = Arc::new(ColumnPlan::new(&self.mapping.events, &self.hidden, columns));
        self.plan = Some((columns.clone(), plan.clone()));
        plan
    }

    fn read_event(&mut self, plan: &ColumnPlan, row: Row<'_>) -> Result<(), RowError> {
        self.event.clear();
        match &self.mapping.events.name {
            EventName::Value(name) => self.event.push_str(name),
            EventName::Column(column) => {
                let name = plan.name.and_then(|n| canonical_text(&row.values[n])).filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| {
                    RowError::of_column(
                        RowErrorCode::EventNameMissing,
                        column,
                        format!("event name column {column} is empty or missing"),
                        "fill it in the export, or set events.name: { value: ... }",
                    )
                })?;
                self.event.push_str(truncate_utf8(&name, STRING_BYTES));
            }
        }
        Ok(())
    }

    fn read_time(&self, plan: &ColumnPlan, row: Row<'_>) -> Result<i64, RowError> {
        let column = &self.mapping.events.time.column;
        let value = plan.time.map(|n| &row.values[n]).filter(|value| !is_blank(value));
        let Some(value) = value else {
            return Err(RowError::of_column(
                RowErrorCode::TimeMissing,
                column,
                format!("time column {column} is empty or missing"),
                "fill it in the export, or name another column in events.time",
            ));
        };
        time_ms_of(value, &self.mapping.time_rule).ok_or_else(|| {
            RowError::of_column(
                RowErrorCode::TimeInvalid,
                column,
                format!("time column {column} holds no time that can be read"),
                "export it as 2025-01-31T12:00:00Z or as a number since 1970, and name its unit in events.time.unit if it is not clear",
            )
        })
    }

    /// Reads user and device; sets distinct_id by Mixpanel's Simplified ID merge: the user, else `$device:` and the device.
    fn read_ids<'a>(&mut self, plan: &ColumnPlan, row: Row<'a>) -> Result<Ids<'a>, RowError> {
        let events = &self.mapping.events;
        let user = id_of(plan.user, row, events.user_id.as_deref())?;
        let device = id_of(plan.device, row, events.device_id.as_deref())?;
        self.distinct_id.clear();
        match (&user, &device) {
            (Some(user), _) => self.distinct_id.push_str(user),
            (None, Some(device)) => {
                self.distinct_id.push_str("$device:");
                self.distinct_id.push_str(device);
            }
            (None, None) => {
                let mapped = events.user_id.as_deref().or(events.device_id.as_deref());
                if let Some(column) = mapped
                    && events.without_user == WithoutUser::Reject
                {
                    return Err(RowError::of_column(
                        RowErrorCode::UserMissing,
                        column,
                        "the row has neither a user id nor a device id",
                        "fill it in the export, or set events.without_user: send_blank to count such events without a user",
                    ));
                }
            }
        }
        Ok(Ids { user, device })
    }

    fn write_properties(&mut self, plan: &ColumnPlan, row: Row<'_>, out: &mut Vec<u8>) -> Result<usize, RowError> {
        let mut count = 0;
        for property in &plan.properties {
            let value = &row.values[property.column];
            if value.is_null() {
                continue;
            }
            let start = out.len();
            out.extend_from_slice(&property.prefix);
            let written = self.write_value(&row.columns.names[property.column], value, out)?;
            if written { count += 1 } else { out.truncate(start) }
        }
        for column in &plan.json {
            count += self.write_json_column(plan, &row.columns.names[*column], &row.values[*column], out)?;
        }
        Ok(count)
    }

    fn write_value(&mut self, column: &str, value: &Value<'_>, out: &mut Vec<u8>) -> Result<bool, RowError> {
        match value {
            Value::Null => return Ok(false),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Int(n) => write_number(itoa::Buffer::new().format(*n), out),
            Value::UInt(n) => write_number(itoa::Buffer::new().format(*n), out),
            // JSON has no spelling for these: they count as absent.
            Value::Float(n) if !n.is_finite() => return Ok(false),
            Value::Float(n) => out.extend_from_slice(serde_json::Value::from(*n).to_string().as_bytes()),
            Value::Number(text) => write_number(text, out),
            Value::Text(text) => self.write_text(column, text, out),
            Value::Timestamp { nanos, .. } => write_string(&timestamp_text(*nanos), out),
            Value::Date(_) => write_string(&canonical_text(value).unwrap_or_default(), out),
            Value::Json(raw) => match raw.trim_ascii() {
                "null" => return Ok(false),
                raw if raw.starts_with('"') => {
                    let text = string_of(raw).map_err(|error| nested(column, error))?;
                    self.write_text(column, &text, out);
                }
                raw => write_json(raw, out).map_err(|error| nested(column, error))?,
            },
        }
        Ok(true)
    }

    fn write_text(&mut self, column: &str, text: &str, out: &mut Vec<u8>) {
        let cut = truncate_utf8(text, STRING_BYTES);
        if cut.len() < text.len() {
            match self.observed.truncated.get_mut(column) {
                Some(count) => *count += 1,
                None => drop(self.observed.truncated.insert(column.to_string(), 1)),
            }
        }
        write_string(cut, out);
    }

    fn write_json_column(
        &mut self,
        plan: &ColumnPlan,
        column: &str,
        value: &Value<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, RowError> {
        let raw = match value {
            Value::Null => return Ok(0),
            Value::Text(text) | Value::Json(text) if text.trim_ascii().is_empty() || text.trim_ascii() == "null" => {
                return Ok(0);
            }
            Value::Text(text) | Value::Json(text) => text,
            _ => return Err(not_an_object(column)),
        };
        let mut count = 0;
        for field in fields_of(raw).map_err(|_| not_an_object(column))? {
            let name = property_name(&field.name);
            if field.kind == Scanned::Null || plan.taken.contains(name.as_ref()) {
                continue;
            }
            write_prefix(&name, out);
            match field.text() {
                Some(text) => self.write_text(column, &text, out),
                None => write_json(field.raw, out).map_err(|error| nested(column, error))?,
            }
            count += 1;
        }
        Ok(count)
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let plan = self.plan(row.columns);
        let start = out.len();
        self.read_event(&plan, row)?;
        let time_ms = self.read_time(&plan, row)?;
        let ids = self.read_ids(&plan, row)?;
        out.extend_from_slice(b"{\"event\":");
        write_string(&self.event, out);
        out.extend_from_slice(b",\"properties\":{\"time\":");
        out.extend_from_slice(itoa::Buffer::new().format(time_ms).as_bytes());
        out.extend_from_slice(b",\"distinct_id\":");
        write_string(&self.distinct_id, out);
        // Without it the events would be located where the sender runs.
        out.extend_from_slice(b",\"ip\":0");
        let mut count = 4;
        for (name, id) in [(&b",\"$user_id\":"[..], &ids.user), (b",\"$device_id\":", &ids.device)] {
            if let Some(id) = id {
                out.extend_from_slice(name);
                write_string(id, out);
                count += 1;
            }
        }
        count += self.write_properties(&plan, row, out)?;
        if count > PROPERTIES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                format!("the row has {count} properties, more than the {PROPERTIES} of an event"),
                "leave columns out with events.exclude",
            ));
        }
        if out.len() - start > EVENT_BYTES - 64 {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                "the event would be larger than 1 MB",
                "leave large columns out with events.exclude",
            ));
        }
        Ok(time_ms)
    }
}

impl RowEncoder for EventEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        let time_ms = match self.write_row(row, out) {
            Ok(time_ms) => time_ms,
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        };
        if !self.distinct_id.is_empty() {
            self.observed.event(&self.event, user_hash(&self.distinct_id), time_ms.div_euclid(DAY_MS));
        }
        Ok(time_ms)
    }

    fn identity_parts(&self) -> (&str, &str) {
        (&self.event, &self.distinct_id)
    }

    fn check_insert_id(&self, id: &str) -> Result<(), &'static str> {
        if id.len() > INSERT_ID_BYTES {
            Err("is longer than the 36 bytes that Mixpanel takes")
        } else if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            Err("has characters other than letters, digits and -")
        } else if is_banned(id) {
            Err("is one of the placeholder values that Mixpanel refuses")
        } else {
            Ok(())
        }
    }

    fn close(&self, insert_id: &str, out: &mut Vec<u8>) {
        close(insert_id, out);
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.observed)
    }
}

/// Ends a line.
pub(super) fn close(insert_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"$insert_id\":");
    write_string(insert_id, out);
    out.extend_from_slice(b"}}\n");
}

struct Ids<'a> {
    user: Option<Cow<'a, str>>,
    device: Option<Cow<'a, str>>,
}

fn id_of<'a>(index: Option<usize>, row: Row<'a>, column: Option<&str>) -> Result<Option<Cow<'a, str>>, RowError> {
    let Some(id) = index.and_then(|n| canonical_text(&row.values[n])) else { return Ok(None) };
    if id.trim().is_empty() {
        return Ok(None);
    }
    let cause = if is_banned(&id) {
        "holds a placeholder that Mixpanel refuses as an id"
    } else if id.len() > STRING_BYTES - 8 {
        "holds an id of more than 247 bytes, which Mixpanel would cut and so merge with others"
    } else {
        return Ok(Some(id));
    };
    let column = column.unwrap_or_default();
    Err(RowError::of_column(
        RowErrorCode::IdRefused,
        column,
        format!("column {column} {cause}"),
        "export null for rows without a user, and set events.without_user if they are to be sent",
    ))
}

fn is_blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn nested(column: &str, error: NestedError) -> RowError {
    RowError::of_column(
        RowErrorCode::LimitExceeded,
        column,
        format!("column {column} {}", error.cause()),
        "shorten it in the export, or leave it out with events.exclude",
    )
}

fn not_an_object(column: &str) -> RowError {
    RowError::of_column(
        RowErrorCode::TypeMismatch,
        column,
        format!("column {column} holds no JSON object"),
        "correct the export, or remove the column from events.json_properties",
    )
}

/// For counting, not for identity.
fn user_hash(user: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish()
}
