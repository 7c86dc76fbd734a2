use std::collections::BTreeSet;

use driftless_core::config::FieldRule;
use driftless_core::json::Scanned;
use driftless_core::mapping::{canonical_text, timestamp_text};
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, Value};

use crate::json::{NestedError, fields_of, pairs_of, string_of, write_json, write_number, write_string};
use crate::value_rules::ValueRules;

/// Columns with JSON objects, and which of their fields become properties.
#[derive(Clone, Copy)]
pub(crate) struct JsonColumns<'a> {
    pub names: &'a [String],
    pub fields: &'a FieldRule,
}

/// The columns that become properties. Worked out once per list of columns.
pub(crate) struct Properties {
    /// In the order of their names: column, and `,"name":` ready to be written.
    columns: Vec<Property>,
    /// Columns whose JSON object becomes properties.
    json: Vec<usize>,
    /// Names taken by columns; a field of a JSON column gives way.
    taken: BTreeSet<String>,
    /// Which fields of JSON columns are sent.
    fields: FieldRule,
}

struct Property {
    column: usize,
    name: String,
    prefix: Vec<u8>,
}

impl Properties {
    /// From names and columns, and the names of JSON columns.
    pub fn new(rules: &ValueRules, mut named: Vec<(String, usize)>, json: JsonColumns<'_>, columns: &Columns) -> Self {
        named.sort();
        let find = |name: &String| columns.names.iter().position(|n| n == name);
        let property = |(name, column): (String, usize)| Property { column, prefix: prefix_of(rules, &name), name };
        Self {
            taken: named.iter().map(|(name, _)| name.clone()).collect(),
            json: json.names.iter().filter_map(find).collect(),
            fields: json.fields.clone(),
            columns: named.into_iter().map(property).collect(),
        }
    }

    /// Names of the properties that the row does not have, in order.
    pub fn absent<'a>(&'a self, row: Row<'a>) -> impl Iterator<Item = &'a str> {
        self.columns.iter().filter(move |property| row.values[property.column].is_null()).map(|p| p.name.as_str())
    }
}

/// `,"name":`
fn prefix_of(rules: &ValueRules, name: &str) -> Vec<u8> {
    let mut prefix = Vec::new();
    write_prefix(rules, name, &mut prefix);
    prefix
}

/// Writes `,"name":`
fn write_prefix(rules: &ValueRules, name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    write_string(rules.cut(name), out);
    out.push(b':');
}

/// Writes rows' properties by a destination's rules for values.
pub(crate) struct PropertyWriter {
    /// The destination's rules.
    pub rules: ValueRules,
    /// Where columns are left out, for remedies: `events.exclude`.
    pub exclude: &'static str,
    /// What was seen.
    pub observed: Observed,
}

impl PropertyWriter {
    /// Appends `,"name":value` of each property that the row has, and returns how many.
    pub fn write(&mut self, plan: &Properties, row: Row<'_>, out: &mut Vec<u8>) -> Result<usize, RowError> {
        let mut count = 0;
        for property in &plan.columns {
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
                    let text = string_of(raw).map_err(|error| self.nested(column, error))?;
                    self.write_text(column, &text, out);
                }
                raw => write_json(raw, self.rules.nested, out).map_err(|error| self.nested(column, error))?,
            },
        }
        Ok(true)
    }

    fn write_text(&mut self, column: &str, text: &str, out: &mut Vec<u8>) {
        let cut = self.rules.cut(text);
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
        plan: &Properties,
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
        let fields = if raw.trim_ascii_start().starts_with('[') { pairs_of(raw) } else { fields_of(raw) };
        for field in fields.map_err(|_| not_an_object(column))? {
            let name = (self.rules.property_name)(&field.name);
            if field.kind == Scanned::Null || plan.taken.contains(name.as_ref()) || !plan.fields.takes(&field.name) {
                continue;
            }
            write_prefix(&self.rules, &name, out);
            match field.text() {
                Some(text) => self.write_text(column, &text, out),
                None => write_json(field.raw, self.rules.nested, out).map_err(|error| self.nested(column, error))?,
            }
            count += 1;
        }
        Ok(count)
    }

    fn nested(&self, column: &str, error: NestedError) -> RowError {
        RowError::of_column(
            RowErrorCode::LimitExceeded,
            column,
            format!("column {column} {}", error.cause(self.rules.nested)),
            format!("shorten it in the export, or leave it out with {} (or take it out of `only`)", self.exclude),
        )
    }
}

fn not_an_object(column: &str) -> RowError {
    RowError::of_column(
        RowErrorCode::TypeMismatch,
        column,
        format!("column {column} holds no JSON object, and no list of keys and values"),
        "correct the export, or remove the column from json_properties",
    )
}
