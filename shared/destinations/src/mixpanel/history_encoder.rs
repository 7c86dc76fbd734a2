use std::sync::Arc;

use driftless_core::config::{HistoryType, ProfileHistoryConfig};
use driftless_core::mapping::{canonical_text, timestamp_text, truncate_utf8};
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::{Mutation, RowEncoder};

use super::event_encoder::id_of;
use super::limits::{STRING_BYTES, is_banned};
use crate::event_parts::TimeColumn;
use crate::json::{write_number, write_string};

/// Begins a row: the hidden event, when it starts, whose it is, and when it was written.
pub(super) fn open(
    config: &ProfileHistoryConfig,
    name: &str,
    id: &str,
    time_ms: i64,
    updated_ms: i64,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"event\":");
    write_string(name, out);
    out.extend_from_slice(b",\"properties\":{\"time\":");
    out.extend_from_slice(itoa::Buffer::new().format(time_ms).as_bytes());
    out.push(b',');
    write_string(config.group_key.as_deref().unwrap_or("distinct_id"), out);
    out.push(b':');
    write_string(id, out);
    out.extend_from_slice(b",\"$mp_updated_at\":");
    write_string(&format!("{}Z", timestamp_text(i128::from(updated_ms) * 1_000_000)), out);
}

/// Appends a property whose value is JSON.
pub(super) fn push_property(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.push(b',');
    write_string(name, out);
    out.push(b':');
    out.extend_from_slice(value);
}

/// Ends a row.
pub(super) fn close(insert_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"$insert_id\":");
    write_string(insert_id, out);
    out.extend_from_slice(b"}}\n");
}

/// Where a column list has what a row is made of.
struct Places {
    id: Option<usize>,
    start: Option<usize>,
    updated: Option<usize>,
    /// In the order of the properties.
    properties: Vec<Option<usize>>,
}

/// Writes rows of a history.
pub(super) struct HistoryEncoder {
    config: Arc<ProfileHistoryConfig>,
    time: Arc<TimeColumn>,
    places: Option<(Arc<Columns>, Arc<Places>)>,
    id: String,
    observed: Observed,
}

impl HistoryEncoder {
    pub fn new(config: Arc<ProfileHistoryConfig>, time: Arc<TimeColumn>) -> Self {
        Self { config, time, places: None, id: String::new(), observed: Observed::default() }
    }

    fn places(&mut self, columns: &Arc<Columns>) -> Arc<Places> {
        if let Some((known, places)) = &self.places
            && Arc::ptr_eq(known, columns)
        {
            return places.clone();
        }
        let find = |column: &str| columns.names.iter().position(|name| name == column);
        let places = Arc::new(Places {
            id: find(&self.config.id),
            start: find(&self.config.start_time.column),
            updated: self.config.updated_at.as_deref().and_then(find),
            properties: self.config.properties.values().map(|property| find(&property.column)).collect(),
        });
        self.places = Some((columns.clone(), places.clone()));
        places
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let (places, config) = (self.places(row.columns), self.config.clone());
        let id = id_of(places.id, row, Some(&config.id))?.ok_or_else(|| {
            let column = &config.id;
            RowError::of_column(
                RowErrorCode::UserMissing,
                column,
                format!("id column {column} is empty or missing"),
                "fill it in the export, or name another column in profile_history.id",
            )
        })?;
        let time_ms = self.time.read(places.start, row, &mut self.observed)?;
        let updated_ms = places.updated.and_then(|n| self.time.read_other(&row.values[n])).unwrap_or(time_ms);
        self.id.clear();
        self.id.push_str(&id);
        open(&config, &config.name, &id, time_ms, updated_ms, out);
        for ((name, property), place) in config.properties.iter().zip(&places.properties) {
            // Not to know a value is another thing than to know that it ended.
            let Some(place) = place else {
                return Err(RowError::of_column(
                    RowErrorCode::TypeMismatch,
                    &property.column,
                    format!("the export has no column {}, and null would end the property", property.column),
                    "add it to the export, or correct profile_history.properties",
                ));
            };
            let mut written = Vec::new();
            if !write_value(property.kind, &row.values[*place], &mut written) {
                return Err(RowError::of_column(
                    RowErrorCode::TypeMismatch,
                    &property.column,
                    format!("column {} holds no {}", property.column, property.kind.name()),
                    "correct the export, or the type in profile_history.properties; Mixpanel takes no lists and objects there",
                ));
            }
            push_property(name, &written, out);
        }
        Ok(time_ms)
    }
}

/// Appends a value as JSON; says no if it is of another type.
fn write_value(kind: HistoryType, value: &Value<'_>, out: &mut Vec<u8>) -> bool {
    match (kind, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (HistoryType::String, Value::Json(_)) => return false,
        (HistoryType::String, value) => {
            write_string(truncate_utf8(&canonical_text(value).unwrap_or_default(), STRING_BYTES), out);
        }
        (HistoryType::Number, Value::Int(_) | Value::UInt(_) | Value::Number(_)) => {
            write_number(&canonical_text(value).unwrap_or_default(), out);
        }
        (HistoryType::Number, Value::Float(n)) if n.is_finite() => {
            out.extend_from_slice(serde_json::Value::from(*n).to_string().as_bytes());
        }
        (HistoryType::Number, Value::Text(text)) => match serde_json::from_str::<serde_json::Number>(text.trim()) {
            Ok(_) => write_number(text.trim(), out),
            Err(_) => return false,
        },
        (HistoryType::Boolean, Value::Bool(yes)) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        (HistoryType::Boolean, Value::Text(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => out.extend_from_slice(b"true"),
            "false" => out.extend_from_slice(b"false"),
            _ => return false,
        },
        _ => return false,
    }
    true
}

impl RowEncoder for HistoryEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        let written = self.write_row(row, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn identity_parts(&self) -> (&str, &str) {
        (&self.config.name, &self.id)
    }

    fn check_insert_id(&self, id: &str) -> Result<(), &'static str> {
        if is_banned(id) { Err("is one of the placeholder values that Mixpanel refuses") } else { Ok(()) }
    }

    fn close(&self, insert_id: &str, _: Mutation<'_>, out: &mut Vec<u8>) {
        close(insert_id, out);
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.observed)
    }
}
