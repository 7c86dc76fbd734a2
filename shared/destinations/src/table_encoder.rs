//! Rows as records of a lookup table.

use driftless_core::config::LookupTableConfig;
use driftless_core::mapping::{canonical_text, technical_columns};
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, SchemaLock, Value};
use driftless_core::ports::{Mutation, RowEncoder};

/// The table's columns: the key first, as both vendors want it, then the others by name.
pub(crate) fn table_columns(config: &LookupTableConfig, lock: &SchemaLock) -> Vec<String> {
    let technical = technical_columns(lock);
    let is_sent =
        |name: &&String| **name != config.key && !config.exclude.contains(*name) && !technical.contains(*name);
    std::iter::once(&config.key).chain(lock.columns.iter().filter(is_sent)).cloned().collect()
}

/// The table's first line.
pub(crate) fn table_header(config: &LookupTableConfig, lock: &SchemaLock) -> Vec<u8> {
    let mut header = Vec::new();
    write_record(table_columns(config, lock).iter().map(String::as_str), &mut header);
    header.push(b'\n');
    header
}

/// Writes rows as records of the table.
pub(crate) struct TableEncoder {
    columns: Vec<String>,
    /// Characters of a field.
    field_max: usize,
    key: String,
}

impl TableEncoder {
    pub fn new(config: &LookupTableConfig, lock: &SchemaLock, field_max: usize) -> Self {
        Self { columns: table_columns(config, lock), field_max, key: String::new() }
    }

    fn text(&self, row: Row<'_>, column: &str) -> Result<String, RowError> {
        let value = row.columns.names.iter().position(|name| name == column).map(|n| &row.values[n]);
        let text = match value {
            Some(Value::Json(json)) if json.trim_start().starts_with('{') => {
                return Err(RowError::of_column(
                    RowErrorCode::TypeMismatch,
                    column,
                    format!("column {column} holds an object, which a lookup table does not take"),
                    "flatten it in the export, or leave it out with lookup_table.exclude",
                ));
            }
            Some(Value::Json(json)) => json.to_string(),
            Some(value) => canonical_text(value).map(|text| text.into_owned()).unwrap_or_default(),
            None => String::new(),
        };
        if text.len() > self.field_max && text.chars().count() > self.field_max {
            return Err(RowError::of_column(
                RowErrorCode::LimitExceeded,
                column,
                format!(
                    "column {column} holds a text of more than the {} characters of a table's field",
                    self.field_max
                ),
                "shorten it in the export, or leave it out with lookup_table.exclude",
            ));
        }
        Ok(text)
    }
}

impl RowEncoder for TableEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let mut fields = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            fields.push(self.text(row, column)?);
        }
        self.key.clone_from(&fields[0]);
        write_record(fields.iter().map(String::as_str), out);
        Ok(0)
    }

    fn identity_parts(&self) -> (&str, &str) {
        ("", &self.key)
    }

    fn check_insert_id(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }

    fn close(&self, _: &str, _: Mutation<'_>, out: &mut Vec<u8>) {
        out.push(b'\n');
    }

    fn take_observed(&mut self) -> Observed {
        Observed::default()
    }
}

/// One record of RFC 4180 without its line end.
fn write_record<'a>(fields: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(fields);
    let record = writer.into_inner().unwrap_or_default();
    out.extend_from_slice(record.strip_suffix(b"\n").unwrap_or(&record));
}
