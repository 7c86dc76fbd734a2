use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use driftless_core::mapping::{TimeZoneRule, canonical_text, time_ms_of};
use driftless_core::model::{Row, Value};
use serde::Serialize;

/// Days without an event after which it counts as stale.
pub(super) const STALE_DAYS: i64 = 90;
/// Distinct values that are counted of one property.
const DISTINCT_MAX: usize = 10_000;
/// Events and properties that are told apart; what comes beyond is counted together.
const NAMES_MAX: usize = 20_000;
/// Where what is beyond is counted.
const OTHERS: &str = "(others)";

/// Names under which an event's name is found.
const EVENT_COLUMNS: &[&str] = &["event_type", "event_name", "event", "name"];
/// Names under which an event's time is found.
const TIME_COLUMNS: &[&str] = &[
    "event_time",
    "time",
    "timestamp",
    "event_timestamp",
    "derived_tstamp",
    "collector_tstamp",
    "occurred_at",
    "created_at",
    "received_at",
];
/// JSON columns whose fields are properties.
const JSON_COLUMNS: &[&str] = &["event_properties", "properties", "user_properties"];

/// What a person said about the columns.
pub(super) struct Wanted {
    pub event: Option<String>,
    pub time: Option<String>,
}

/// What was found of one event name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Event {
    pub name: String,
    pub rows: u64,
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
}

/// What was found of one property: a column, or a field of a JSON column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Property {
    pub name: String,
    pub filled: u64,
    pub distinct: u64,
    pub distinct_is_capped: bool,
    pub types: Vec<String>,
    pub last_ms: Option<i64>,
}

#[derive(Default)]
struct Seen {
    filled: u64,
    values: HashSet<u64>,
    types: BTreeSet<&'static str>,
    last_ms: Option<i64>,
}

/// The survey of all exports.
pub(super) struct Survey {
    wanted: Wanted,
    pub rows: u64,
    pub unreadable_rows: u64,
    pub event_column: Option<String>,
    pub time_column: Option<String>,
    pub events: Vec<Event>,
    pub properties: Vec<Property>,
    by_event: BTreeMap<String, Event>,
    by_property: BTreeMap<String, Seen>,
}

impl Survey {
    pub fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            rows: 0,
            unreadable_rows: 0,
            event_column: None,
            time_column: None,
            events: Vec::new(),
            properties: Vec::new(),
            by_event: BTreeMap::new(),
            by_property: BTreeMap::new(),
        }
    }

    /// Counts one row.
    pub fn take(&mut self, row: Row<'_>) {
        self.rows += 1;
        let names = &row.columns.names;
        let find = |wanted: &Option<String>, known: &[&str]| match wanted {
            Some(name) => names.iter().position(|column| column == name),
            None => known.iter().find_map(|known| names.iter().position(|column| column.eq_ignore_ascii_case(known))),
        };
        let (event, time) = (find(&self.wanted.event, EVENT_COLUMNS), find(&self.wanted.time, TIME_COLUMNS));
        if self.event_column.is_none() {
            self.event_column = event.map(|n| names[n].clone());
        }
        if self.time_column.is_none() {
            self.time_column = time.map(|n| names[n].clone());
        }
        let at_ms = time.and_then(|n| time_ms_of(&row.values[n], &TimeZoneRule::utc()));
        let name = event.and_then(|n| canonical_text(&row.values[n])).filter(|name| !name.is_empty());
        self.take_event(name.as_deref().unwrap_or("(no name)"), at_ms);
        for (column, value) in names.iter().zip(row.values) {
            let is_json = JSON_COLUMNS.iter().any(|known| column.eq_ignore_ascii_case(known));
            match value {
                Value::Json(text) | Value::Text(text) if is_json && text.trim_start().starts_with('{') => {
                    let fields: serde_json::Map<String, serde_json::Value> =
                        serde_json::from_str(text).unwrap_or_default();
                    for (field, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                        let name = format!("{column}.{field}");
                        self.take_property(&name, type_of_json(value), &value.to_string(), at_ms);
                    }
                }
                value => {
                    if let Some(text) = canonical_text(value).filter(|text| !text.is_empty()) {
                        self.take_property(column, type_of(value), &text, at_ms);
                    }
                }
            }
        }
    }

    fn take_event(&mut self, name: &str, at_ms: Option<i64>) {
        let is_full = self.by_event.len() >= NAMES_MAX && !self.by_event.contains_key(name);
        let event = self.by_event.entry(if is_full { OTHERS } else { name }.to_string()).or_default();
        event.rows += 1;
        event.first_ms = [event.first_ms, at_ms].into_iter().flatten().min();
        event.last_ms = event.last_ms.max(at_ms);
    }

    fn take_property(&mut self, name: &str, kind: &'static str, value: &str, at_ms: Option<i64>) {
        let is_full = self.by_property.len() >= NAMES_MAX && !self.by_property.contains_key(name);
        let name = if is_full { OTHERS } else { name };
        if !self.by_property.contains_key(name) {
            self.by_property.insert(name.to_string(), Seen::default());
        }
        let Some(seen) = self.by_property.get_mut(name) else { return };
        seen.filled += 1;
        seen.types.insert(kind);
        seen.last_ms = seen.last_ms.max(at_ms);
        if seen.values.len() < DISTINCT_MAX {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            seen.values.insert(hasher.finish());
        }
    }

    /// Puts what was counted in order: the largest first.
    pub fn sort(&mut self) {
        let events = std::mem::take(&mut self.by_event).into_iter();
        self.events = events.map(|(name, event)| Event { name, ..event }).collect();
        self.events.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.name.cmp(&b.name)));
        let properties = std::mem::take(&mut self.by_property).into_iter();
        self.properties = properties
            .map(|(name, seen)| Property {
                name,
                filled: seen.filled,
                distinct: seen.values.len() as u64,
                distinct_is_capped: seen.values.len() == DISTINCT_MAX,
                types: seen.types.into_iter().map(String::from).collect(),
                last_ms: seen.last_ms,
            })
            .collect();
        self.properties.sort_by(|a, b| b.filled.cmp(&a.filled).then(a.name.cmp(&b.name)));
    }
}

fn type_of(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => "number",
        Value::Timestamp { .. } => "timestamp",
        Value::Date(_) => "date",
        Value::Json(_) => "json",
        Value::Text(_) => "text",
    }
}

fn type_of_json(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "text",
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => "json",
    }
}
