//! What an event has at every destination.

use std::borrow::Cow;

use driftless_core::config::{EventName, EventsConfig};
use driftless_core::mapping::{TimeZoneRule, canonical_text, needs_zone, time_ms_of};
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, Value};

/// The mapping of events, with the rule for times that carry no zone.
pub(crate) struct EventMapping {
    pub events: EventsConfig,
    pub time_rule: TimeZoneRule,
}

impl EventMapping {
    /// Fails if the time zone is unknown.
    pub fn new(events: EventsConfig) -> Result<Self, String> {
        let rule = match &events.time.timezone {
            Some(zone) => TimeZoneRule::named(zone)?,
            None => TimeZoneRule::utc(),
        };
        let time_rule = rule.with_unit(events.time.unit);
        Ok(Self { events, time_rule })
    }

    /// The event's name, from `column` if it is not fixed.
    pub fn name<'a>(&'a self, column: Option<usize>, row: Row<'a>) -> Result<Cow<'a, str>, RowError> {
        let name = match &self.events.name {
            EventName::Value(name) => return Ok(Cow::Borrowed(name)),
            EventName::Column(name) => name,
        };
        column.and_then(|n| canonical_text(&row.values[n])).filter(|name| !name.is_empty()).ok_or_else(|| {
            RowError::of_column(
                RowErrorCode::EventNameMissing,
                name,
                format!("event name column {name} is empty or missing"),
                "fill it in the export, or set events.name: { value: ... }",
            )
        })
    }

    /// The event's time in milliseconds since the epoch.
    pub fn time_ms(&self, column: Option<usize>, row: Row<'_>, observed: &mut Observed) -> Result<i64, RowError> {
        let name = &self.events.time.column;
        let Some(value) = column.map(|n| &row.values[n]).filter(|value| !is_blank(value)) else {
            return Err(RowError::of_column(
                RowErrorCode::TimeMissing,
                name,
                format!("time column {name} is empty or missing"),
                "fill it in the export, or name another column in events.time",
            ));
        };
        observed.bare_times |= needs_zone(value);
        time_ms_of(value, &self.time_rule).ok_or_else(|| {
            RowError::of_column(
                RowErrorCode::TimeInvalid,
                name,
                format!("time column {name} holds no time that can be read"),
                "export it as 2025-01-31T12:00:00Z or as a number since 1970, and name its unit in events.time.unit if it is not clear",
            )
        })
    }
}

fn is_blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A user's hash for counting, not for identity.
pub(crate) fn user_hash(user: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    hasher.finish()
}
