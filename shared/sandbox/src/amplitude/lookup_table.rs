//! `PUT /api/3/lookup_table/{name}` as a pure function.
//!
//! Source: `amplitude.com/docs/apis/analytics/lookup-table-2`, read on 2026-03-13.

use std::collections::BTreeSet;

use serde_json::json;

use super::form;
use super::limits::{MAX_TABLE_BYTES, MAX_TABLE_ROWS, MAX_TEXT};
use crate::answer::Answer;

/// Checks a table. What is returned beside the answer takes the place of the table, whole.
pub fn replace(name: &str, content_type: Option<&str>, body: &[u8]) -> (Answer, Option<String>) {
    let refuse = |status: u16, message: &str| {
        let body = json!({ "statusCode": status, "message": message, "errorCode": "LOOKUP_TABLE_INVALID" });
        (Answer { status, body, retry_after_s: None, events: 0 }, None)
    };
    let Some(file) = form::file(content_type, body) else {
        return refuse(400, "Requires at least one modification");
    };
    if file.len() > MAX_TABLE_BYTES {
        return refuse(413, "The file exceeds the max size");
    }
    let Ok(text) = String::from_utf8(file) else { return refuse(400, "The file is not UTF-8") };
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
    let headers: Vec<String> = match reader.headers() {
        Ok(headers) if !headers.is_empty() => headers.iter().map(String::from).collect(),
        _ => return refuse(400, "File is empty"),
    };
    if headers.iter().collect::<BTreeSet<_>>().len() < headers.len() {
        return refuse(400, "Found duplicate column header");
    }
    let mut keys = BTreeSet::new();
    for record in reader.records() {
        let Ok(record) = record else { return refuse(400, "Invalid row") };
        if record.iter().any(|field| field.chars().count() > MAX_TEXT) {
            return refuse(400, "A value is longer than 1024 characters");
        }
        if !keys.insert(record.get(0).unwrap_or_default().to_owned()) {
            return refuse(400, "Found duplicate key");
        }
    }
    if keys.len() > MAX_TABLE_ROWS {
        return refuse(413, "The file has more than 1000000 rows");
    }
    let body = json!({
        "name": name, "columnHeaders": &headers[1..], "keyColumnHeader": headers[0], "rowCount": keys.len(), "isConfigured": true,
    });
    (Answer { status: 200, body, retry_after_s: None, events: keys.len() }, Some(text))
}
