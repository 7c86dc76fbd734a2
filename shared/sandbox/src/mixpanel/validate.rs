//! The rules that Mixpanel applies to one event of a strict import.
//!
//! Source: `docs.mixpanel.com/reference/import-events`, read on 2026-08-21. Message texts are Mixpanel's where it
//! publishes them; the rest follow their pattern.

use serde_json::{Map, Value};

use super::limits::{
    EARLIEST_TIME_S, ENTRIES_BELOW, EVENT_BYTES_BELOW, MAX_FUTURE_MS, MAX_INSERT_ID_BYTES, is_banned_id,
};
use super::shape;

const DAY_MS: i64 = 86_400_000;

/// Properties that identify an event, and the one that the server always sets itself: not among the kept properties.
const TAKEN_OUT: [&str; 4] = ["time", "distinct_id", "$insert_id", "mp_processing_time_ms"];

/// Stands for the id that Mixpanel makes from the sender's address where an event has none.
const OF_THE_ADDRESS: &str = "of-the-address";

/// An event that passed every rule, as Mixpanel would keep it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidEvent {
    /// The event's name.
    pub event: String,
    /// Who did it; empty for nobody.
    pub distinct_id: String,
    /// When, in milliseconds since the epoch. A time in the future (at most an hour) is replaced by the arrival time.
    pub time_ms: i64,
    /// The id that duplicates are found by.
    pub insert_id: String,
    /// Every other property, long strings cut off.
    pub properties: Map<String, Value>,
}

impl ValidEvent {
    /// Does it carry `$ignore`? Mixpanel counts such an event as imported and drops it.
    pub fn is_ignored(&self) -> bool {
        self.properties.contains_key("$ignore")
    }

    /// Is it a tombstone: `driftless_deleted: true`?
    pub fn is_deleted(&self) -> bool {
        self.properties.get("driftless_deleted") == Some(&Value::Bool(true))
    }
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The path of the offending field, such as `properties.time`.
    pub field: String,
    /// The reason. Names fields, never values.
    pub message: String,
}

impl Invalid {
    pub(super) fn new(field: impl Into<String>, reason: &str) -> Self {
        let field = field.into();
        let message = format!("'{field}' is invalid: {reason}");
        Self { field, message }
    }
}

/// Checks one event of an import. `retention_days` is the project's retention, if it has one. An import that is not strict
/// may leave out the distinct_id.
pub fn validate_event(
    event: &Value,
    now_ms: i64,
    retention_days: Option<u32>,
    is_strict: bool,
) -> Result<ValidEvent, Invalid> {
    let (name, properties) = parts(event)?;
    if shape::json_bytes(event) >= EVENT_BYTES_BELOW {
        return Err(Invalid::new("event", "must be smaller than 1 MB"));
    }
    let time_ms = time(properties.get("time"), now_ms, retention_days)?;
    let distinct_id = distinct_id(properties.get("distinct_id"), is_strict)?;
    let insert_id = insert_id(properties.get("$insert_id"))?;
    if properties.len() >= ENTRIES_BELOW {
        return Err(Invalid::new("properties", "must have fewer than 255 properties"));
    }
    for (property, value) in properties {
        if let Some(reason) = shape::refusal(value) {
            let field = format!("properties.{}", shape::shown_name(property));
            return Err(Invalid::new(field, reason));
        }
    }
    Ok(ValidEvent {
        event: shape::kept_name(name).to_owned(),
        distinct_id: shape::kept_string(distinct_id).to_owned(),
        time_ms,
        insert_id: insert_id.to_owned(),
        properties: kept_properties(properties),
    })
}

fn parts(event: &Value) -> Result<(&str, &Map<String, Value>), Invalid> {
    let Value::Object(fields) = event else {
        return Err(Invalid::new("event", "must be an object"));
    };
    if let Some(other) = fields.keys().find(|key| *key != "event" && *key != "properties") {
        return Err(Invalid::new(shape::shown_name(other), "only 'event' and 'properties' are allowed"));
    }
    let name = match fields.get("event") {
        None => return Err(Invalid::new("event", "must not be missing")),
        Some(Value::String(name)) if !name.is_empty() => name,
        Some(_) => return Err(Invalid::new("event", "must be a non-empty string")),
    };
    match fields.get("properties") {
        None => Err(Invalid::new("properties", "must not be missing")),
        Some(Value::Object(properties)) => Ok((name, properties)),
        Some(_) => Err(Invalid::new("properties", "must be an object")),
    }
}

/// Seconds and milliseconds are told apart by size: the least valid count of milliseconds is the year 2969 in seconds.
fn time(value: Option<&Value>, now_ms: i64, retention_days: Option<u32>) -> Result<i64, Invalid> {
    const FIELD: &str = "properties.time";
    const EARLIEST_TIME_MS: i64 = EARLIEST_TIME_S * 1000;
    let Some(value) = value else {
        return Err(Invalid::new(FIELD, "must not be missing"));
    };
    let Some(number) = value.as_i64().filter(|number| *number >= EARLIEST_TIME_S) else {
        let reason =
            if value.is_i64() { "must not be before 1971-01-01" } else { "must be specified as seconds since epoch" };
        return Err(Invalid::new(FIELD, reason));
    };
    let time_ms = if number >= EARLIEST_TIME_MS { number } else { number * 1000 };
    if time_ms > now_ms.saturating_add(MAX_FUTURE_MS) {
        return Err(Invalid::new(FIELD, "must not be in the future"));
    }
    if let Some(days) = retention_days
        && time_ms < now_ms.saturating_sub(i64::from(days) * DAY_MS)
    {
        return Err(Invalid { field: FIELD.to_owned(), message: format!("data past retention period of {days} days") });
    }
    Ok(time_ms.min(now_ms))
}

fn distinct_id(value: Option<&Value>, is_strict: bool) -> Result<&str, Invalid> {
    const FIELD: &str = "properties.distinct_id";
    match value {
        None if !is_strict => Ok(OF_THE_ADDRESS),
        None => Err(Invalid::new(FIELD, "must not be missing")),
        Some(Value::String(id)) if is_banned_id(id) => Err(Invalid::new(FIELD, "must not be a placeholder value")),
        Some(Value::String(id)) => Ok(id),
        Some(_) => Err(Invalid::new(FIELD, "must be a string")),
    }
}

fn insert_id(value: Option<&Value>) -> Result<&str, Invalid> {
    const FIELD: &str = "properties.$insert_id";
    let id = match value {
        None => return Err(Invalid::new(FIELD, "must not be missing")),
        Some(Value::String(id)) if !id.is_empty() => id,
        Some(_) => return Err(Invalid::new(FIELD, "must be a non-empty string")),
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if is_banned_id(id) {
        Err(Invalid::new(FIELD, "must not be a placeholder value"))
    } else if id.len() > MAX_INSERT_ID_BYTES {
        Err(Invalid::new(FIELD, "must not be longer than 36 bytes"))
    } else if !id.bytes().all(legal) {
        Err(Invalid::new(FIELD, "must contain only letters, digits and '-'"))
    } else {
        Ok(id)
    }
}

fn kept_properties(properties: &Map<String, Value>) -> Map<String, Value> {
    properties
        .iter()
        .filter(|(name, _)| !TAKEN_OUT.contains(&name.as_str()))
        .map(|(name, value)| (shape::kept_name(name).to_owned(), shape::kept_value(value)))
        .collect()
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
