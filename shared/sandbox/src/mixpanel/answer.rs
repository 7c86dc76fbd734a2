//! The answers of Mixpanel's ingestion API, in its documented shapes.
//!
//! Source: `docs.mixpanel.com/reference/import-events` and the ingestion OpenAPI file, read on 2026-08-21.

use serde_json::{Value, json};

pub use crate::answer::Answer;

/// One event that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRecord {
    /// Its position in the request.
    pub index: usize,
    /// Its `$insert_id`, empty if it has none.
    pub insert_id: String,
    /// The offending field.
    pub field: String,
    /// The reason.
    pub message: String,
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, body, retry_after_s: None, events: 0 }
}

fn refusal(status: u16, error: &str, reason: &str) -> Answer {
    answer(status, json!({"code": status, "error": error, "status": reason}))
}

/// 200: `imported` of the request's `events` were taken.
pub fn imported(imported: usize, events: usize) -> Answer {
    let body = json!({"code": 200, "num_records_imported": imported, "status": "OK"});
    Answer { events, ..answer(200, body) }
}

/// 400 of a strict import: the valid events were taken, these were not.
pub fn partly_failed(imported: usize, events: usize, failed: &[FailedRecord]) -> Answer {
    let records: Vec<Value> = failed
        .iter()
        .map(|record| {
            json!({
                "index": record.index,
                "insert_id": record.insert_id,
                "field": record.field,
                "message": record.message,
            })
        })
        .collect();
    let body = json!({
        "code": 400,
        "error": "some data points in the request failed validation",
        "failed_records": records,
        "num_records_imported": imported,
        "status": "Bad Request",
    });
    Answer { events, ..answer(400, body) }
}

/// 400 of a request that could not be read at all: nothing was taken.
pub fn unreadable(error: &str) -> Answer {
    refusal(400, error, "Bad Request")
}

/// 401.
pub fn unauthorized() -> Answer {
    refusal(401, "Invalid credentials", "Unauthorized")
}

/// 413: more bytes than `limit`.
pub fn too_large(limit: usize) -> Answer {
    let error = format!("request exceeds max limit of {limit} bytes");
    refusal(413, &error, "Request Entity Too Large")
}

/// 413: more events than `limit`.
pub fn too_many(limit: usize) -> Answer {
    let error = format!("request exceeds max limit of {limit} events");
    refusal(413, &error, "Request Entity Too Large")
}

/// 429.
pub fn rate_limited(retry_after_s: Option<u32>) -> Answer {
    const ERROR: &str = "Project exceeded rate limits. Please retry the request with exponential backoff.";
    Answer { retry_after_s, ..refusal(429, ERROR, "Too Many Requests") }
}

/// 500, 502, 503 …: Mixpanel documents no body for these.
pub fn server_error(status: u16, retry_after_s: Option<u32>) -> Answer {
    let reason = match status {
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    Answer { retry_after_s, ..refusal(status, reason, reason) }
}
