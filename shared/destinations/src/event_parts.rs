//! What an event has at every destination.

use std::borrow::Cow;

use driftless_core::config::{EventName, EventTime, EventsConfig};
use driftless_core::mapping::{TimeZoneRule, canonical_text, needs_zone, time_ms_of};
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, Value};

/// A column with times, and how those are read that carry no zone or unit.
pub(crate) struct TimeColumn {
    time: EventTime,
    /// The field of the configuration that names it.
    field: &'static str,
    rule: TimeZoneRule,
}

/// The mapping of events.
pub(crate) struct EventMapping {
    pub events: EventsConfig,
    time: TimeColumn,
}

impl EventMapping {
    /// Fails if the time zone is unknown.
    pub fn new(events: EventsConfig) -> Result<Self, String> {
        Ok(Self { time: TimeColumn::new(&events.time, "events.time")?, events })
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
        self.time.read(column, row, observed)
    }
}

impl TimeColumn {
    /// Fails if the time zone is unknown.
    pub fn new(time: &EventTime, field: &'static str) -> Result<Self, String> {
        let rule = match &time.timezone {
            Some(zone) => TimeZoneRule::named(zone)?,
            None => TimeZoneRule::utc(),
        };
        Ok(Self { rule: rule.with_unit(time.unit), time: time.clone(), field })
    }

    /// A value of another column, read by the same rule; nothing, if it is no time.
    pub fn read_other(&self, value: &Value<'_>) -> Option<i64> {
        time_ms_of(value, &self.rule)
    }

    /// Milliseconds since the epoch.
    pub fn read(&self, column: Option<usize>, row: Row<'_>, observed: &mut Observed) -> Result<i64, RowError> {
        let (name, field) = (&self.time.column, self.field);
        let Some(value) = column.map(|n| &row.values[n]).filter(|value| !is_blank(value)) else {
            return Err(RowError::of_column(
                RowErrorCode::TimeMissing,
                name,
                format!("time column {name} is empty or missing"),
                format!("fill it in the export, or name another column in {field}"),
            ));
        };
        observed.bare_times |= needs_zone(value);
        time_ms_of(value, &self.rule).ok_or_else(|| {
            RowError::of_column(
                RowErrorCode::TimeInvalid,
                name,
                format!("time column {name} holds no time that can be read"),
                format!(
                    "export it as 2025-01-31T12:00:00Z or as a number since 1970, and name its unit in {field}.unit if it is not clear"
                ),
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
