use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::config::{IdMerge, WithoutUser};
use driftless_core::mapping::{canonical_text, truncate_utf8};
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode};
use driftless_core::ports::{Mutation, RowEncoder};
use driftless_core::protocol::limits::DAY_MS;

use super::columns::ColumnPlan;
use super::limits::{EVENT_BYTES, INSERT_ID_BYTES, NESTED, PROPERTIES, STRING_BYTES, is_banned, value_rules};
use crate::event_parts::{EventMapping, user_hash};
use crate::json::write_string;
use crate::properties::PropertyWriter;

/// Writes rows as events. Properties come in the order of their names, so that the order of columns changes nothing.
pub(super) struct EventEncoder {
    mapping: Arc<EventMapping>,
    id_merge: IdMerge,
    hidden: Vec<String>,
    plan: Option<(Arc<Columns>, Arc<ColumnPlan>)>,
    event: String,
    distinct_id: String,
    has_user: bool,
    properties: PropertyWriter,
}

impl EventEncoder {
    pub fn new(mapping: Arc<EventMapping>, id_merge: IdMerge, hidden: Vec<String>) -> Self {
        Self {
            mapping,
            id_merge,
            hidden,
            plan: None,
            event: String::new(),
            distinct_id: String::new(),
            has_user: false,
            properties: PropertyWriter {
                rules: value_rules(NESTED),
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

    /// Reads user and device; sets distinct_id: the user, else the device, which with Simplified ID merge is `$device:` and
    /// its id.
    fn read_ids<'a>(&mut self, plan: &ColumnPlan, row: Row<'a>) -> Result<Ids<'a>, RowError> {
        let events = &self.mapping.events;
        let user = id_of(plan.user, row, events.user_id.as_deref())?;
        let device = id_of(plan.device, row, events.device_id.as_deref())?;
        self.distinct_id.clear();
        self.has_user = user.is_some();
        match (&user, &device) {
            (Some(user), _) => self.distinct_id.push_str(user),
            (None, Some(device)) => {
                if self.id_merge == IdMerge::Simplified {
                    self.distinct_id.push_str("$device:");
                }
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
        self.event.clear();
        self.event.push_str(truncate_utf8(&self.mapping.name(plan.name, row)?, STRING_BYTES));
        let time_ms = self.mapping.time_ms(plan.time, row, &mut self.properties.observed)?;
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

    fn names_user(&self) -> bool {
        self.has_user
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

    /// A copy of the same identity is replaced without a word.
    fn close(&self, insert_id: &str, _: Mutation<'_>, out: &mut Vec<u8>) {
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
