//! `PUT /lookup-tables/{id}` as a pure function.
//!
//! Source: the ingestion OpenAPI file and `docs.mixpanel.com/reference/replace-lookup-table`, read on 2026-08-21.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::limits::MAX_LOOKUP_TABLE_BYTES;

/// Bad rows that an answer names.
const NAMED: usize = 10;

/// Checks a table. What is returned beside the answer takes the place of the table, whole; `None` leaves it as it is.
pub fn replace(content_encoding: Option<&str>, body: &[u8]) -> (Answer, Option<String>) {
    let mut text = Vec::new();
    let limit = MAX_LOOKUP_TABLE_BYTES as u64 + 1;
    let read = match content_encoding {
        Some("gzip") => MultiGzDecoder::new(body).take(limit).read_to_end(&mut text),
        _ => body.take(limit).read_to_end(&mut text),
    };
    if read.is_err() {
        return (answer::unreadable("the body is not what Content-Encoding says"), None);
    }
    if text.len() > MAX_LOOKUP_TABLE_BYTES {
        return (answer::too_large(MAX_LOOKUP_TABLE_BYTES), None);
    }
    let Ok(text) = String::from_utf8(text) else {
        return (answer::unreadable("the body is not UTF-8"), None);
    };
    let mut failed = Vec::new();
    let rows = check(&text, &mut failed);
    if failed.is_empty() {
        let body = json!({ "code": 200, "status": "OK" });
        return (Answer { status: 200, body, retry_after_s: None, events: rows }, Some(text));
    }
    failed.truncate(NAMED);
    let error = "Some data points in the request failed validation.";
    let body = json!({ "code": 400, "error": error, "status": "Bad Request", "failed_records": failed });
    (Answer { status: 400, body, retry_after_s: None, events: rows }, None)
}

fn check(text: &str, failed: &mut Vec<Value>) -> usize {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut fail = |index: usize, message: String| failed.push(json!({ "index": index, "message": message }));
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    let (mut width, mut rows) = (None, 0);
    for (index, record) in reader.records().enumerate() {
        let Ok(record) = record else {
            fail(index, "invalid row".to_owned());
            continue;
        };
        let Some(width) = width else {
            width = Some(record.len());
            let mut names: Vec<&str> = record.iter().collect();
            names.sort_unstable();
            names.dedup();
            if names.len() < record.len() {
                fail(index, "header names must be unique".to_owned());
            }
            continue;
        };
        rows += 1;
        let key = record.get(0).unwrap_or_default().to_owned();
        if record.len() != width {
            fail(index, "invalid row: wrong number of fields".to_owned());
        } else if key.is_empty() {
            fail(index, "primary key is required and cannot be blank".to_owned());
        } else if let Some(first) = keys.insert(key, index) {
            fail(index, format!("invalid row: row indexes {first} and {index} have the same primary key"));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_taken_whole_or_not_at_all() {
        let (answer, table) = replace(None, b"id,name\n1,a\n2,\"b,c\"\n");
        assert_eq!((answer.status, answer.events), (200, 2));
        assert!(table.is_some());
        for (text, message) in [
            ("id,name\n1,a\n1,b\n", "row indexes 1 and 2 have the same primary key"),
            ("id,name\n,a\n", "primary key is required"),
            ("id,name\n1\n", "wrong number of fields"),
            ("id,id\n1,a\n", "header names must be unique"),
        ] {
            let (answer, table) = replace(None, text.as_bytes());
            assert_eq!((answer.status, table), (400, None), "{text}");
            assert!(answer.body.to_string().contains(message), "{}", answer.body);
        }
    }
}
