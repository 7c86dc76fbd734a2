use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::config::{EventName, WithoutUser};
use driftless_core::mapping::{canonical_text, needs_zone, time_ms_of, truncate_utf8};
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowEncoder;

use super::columns::ColumnPlan;
use super::events::Mapping;
use super::json::write_string;
use super::limits::{EVENT_BYTES, INSERT_ID_BYTES, NESTED_BYTES, PROPERTIES, STRING_BYTES, is_banned};
use super::properties::PropertyWriter;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Writes rows as events. Properties come in the order of their names, so that the order of columns changes nothing.
pub(super) struct EventEncoder {
    mapping: Arc<Mapping>,
    hidden: Vec<String>,
    plan: Option<(Arc<Columns>, Arc<ColumnPlan>)>,
    event: String,
    distinct_id: String,
    properties: PropertyWriter,
}

impl EventEncoder {
    pub fn new(mapping: Arc<Mapping>, hidden: Vec<String>) -> Self {
        Self {
            mapping,
            hidden,
            plan: None,
            event: String::new(),
            distinct_id: String::new(),
            properties: PropertyWriter {
                nested_bytes: NESTED_BYTES,
                exclude: "events.exclude",
                observed: Observed::default(),
            },
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

    fn read_time(&mut self, plan: &ColumnPlan, row: Row<'_>) -> Result<i64, RowError> {
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
        self.properties.observed.bare_times |= needs_zone(value);
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
        count += self.properties.write(&plan.properties, row, out)?;
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
            self.properties.observed.event(&self.event, user_hash(&self.distinct_id), time_ms.div_euclid(DAY_MS));
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
        std::mem::take(&mut self.properties.observed)
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

pub(super) fn id_of<'a>(
    index: Option<usize>,
    row: Row<'a>,
    column: Option<&str>,
) -> Result<Option<Cow<'a, str>>, RowError> {
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
        "export null where there is no user; events without one are sent with events.without_user: send_blank",
    ))
}

fn is_blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// For counting, not for identity.
fn user_hash(user: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish()
}
