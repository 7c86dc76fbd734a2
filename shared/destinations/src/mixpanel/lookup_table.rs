use std::io::{Read, Write};

use bytes::Bytes;
use driftless_core::config::LookupTableConfig;
use driftless_core::mapping::{canonical_text, technical_columns};
use driftless_core::model::{Identity, Observed, Row, RowError, RowErrorCode, SchemaLock, Value};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value as Json;

use super::answer::{error_of, read_status, safe_words};
use super::limits::{LOOKUP_TABLE_BYTES, LOOKUP_TABLE_ROWS};
use super::target::MixpanelTarget;

/// A lookup table of a Mixpanel project: `PUT /lookup-tables/{id}` replaces it whole or not at all
/// (docs.mixpanel.com/reference/replace-lookup-table, 2026-08-21).
pub struct MixpanelLookupTable {
    target: MixpanelTarget,
    config: LookupTableConfig,
}

impl MixpanelLookupTable {
    /// The table that the mapping names.
    pub fn new(target: MixpanelTarget, config: LookupTableConfig) -> Self {
        Self { target, config }
    }

    /// The table's columns: the key first, as Mixpanel wants it, then the others by name.
    fn columns(&self, lock: &SchemaLock) -> Vec<String> {
        let technical = technical_columns(lock);
        let is_sent = |name: &&String| {
            **name != self.config.key && !self.config.exclude.contains(*name) && !technical.contains(*name)
        };
        std::iter::once(&self.config.key).chain(lock.columns.iter().filter(is_sent)).cloned().collect()
    }
}

impl Destination for MixpanelLookupTable {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: LOOKUP_TABLE_ROWS,
            bytes_max: LOOKUP_TABLE_BYTES,
            hot_shard_rows: u64::MAX,
            event_names_max: usize::MAX,
        }
    }

    fn time_bounds(&self, _: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(TableEncoder { columns: self.columns(lock), key: String::new() })
    }

    fn preamble(&self, lock: &SchemaLock) -> Vec<u8> {
        let mut header = Vec::new();
        write_record(self.columns(lock).iter().map(String::as_str), &mut header);
        header.push(b'\n');
        header
    }

    fn tombstone(&self, _: &Identity, _: &mut Vec<u8>) {}

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        let mut encoder = GzEncoder::new(out, Compression::new(1));
        // Writing to memory cannot fail.
        let _ = encoder.write_all(lines);
        let _ = encoder.finish();
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        let mut lines = Vec::new();
        GzDecoder::new(body).take(bytes + 1).read_to_end(&mut lines).map_err(|error| error.to_string())?;
        Ok(lines)
    }

    fn request(&self, body: Bytes) -> Request {
        let project = self.target.project_id.as_ref().map(|id| format!("?project_id={id}")).unwrap_or_default();
        Request {
            destination: self.target.name.clone(),
            method: "PUT",
            url: format!("{}/lookup-tables/{}{project}", self.target.url, self.config.id),
            headers: vec![
                ("content-type", "text/csv".to_string()),
                ("content-encoding", "gzip".to_string()),
                ("accept", "application/json".to_string()),
            ],
            body,
            sign_in: SignIn::Basic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    /// Mixpanel names at most ten bad rows, and takes none: there is nothing to settle row by row.
    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        let is_missing = matches!(&answer, Ok(response) if response.status == 404);
        if is_missing {
            return Delivery::Halt {
                cause: format!("Mixpanel has no lookup table {}", self.config.id),
                remedy: "make the table in the project's settings and put its id into lookup_table.id".into(),
            };
        }
        let response = match read_status(answer) {
            Ok(response) => response,
            Err(Delivery::TooLarge) => {
                return Delivery::Halt {
                    cause: "Mixpanel finds the table too large (413)".into(),
                    remedy: "leave columns or rows out; a table has at most 100 MB".into(),
                };
            }
            Err(delivery) => return delivery,
        };
        let body: Option<Json> = serde_json::from_slice(&response.body).ok();
        let is_ok = body.as_ref().is_some_and(|body| body["status"] == "OK" || body["code"] == 200);
        match response.status {
            200 if is_ok => Delivery::Accepted,
            200 => Delivery::Ambiguous { cause: "the answer is not Mixpanel's".into() },
            _ => {
                let named = body.as_ref().and_then(|body| body["failed_records"][0]["message"].as_str());
                let said = safe_words(named.unwrap_or(error_of(body.as_ref())));
                Delivery::Halt {
                    cause: format!("Mixpanel refuses the table (status 400): {said}"),
                    remedy: "correct the export; nothing of the table was replaced".into(),
                }
            }
        }
    }
}

/// Writes rows as records of the table.
struct TableEncoder {
    columns: Vec<String>,
    key: String,
}

impl TableEncoder {
    fn text(&self, row: Row<'_>, column: &str) -> Result<String, RowError> {
        let value = row.columns.names.iter().position(|name| name == column).map(|n| &row.values[n]);
        match value {
            Some(Value::Json(json)) if json.trim_start().starts_with('{') => Err(RowError::of_column(
                RowErrorCode::TypeMismatch,
                column,
                format!("column {column} holds an object, which a lookup table does not take"),
                "flatten it in the export, or leave it out with lookup_table.exclude",
            )),
            Some(Value::Json(json)) => Ok(json.to_string()),
            Some(value) => Ok(canonical_text(value).map(|text| text.into_owned()).unwrap_or_default()),
            None => Ok(String::new()),
        }
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

    fn close(&self, _: &str, out: &mut Vec<u8>) {
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
