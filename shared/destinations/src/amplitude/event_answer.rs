use std::collections::BTreeMap;

use driftless_core::ports::{Delivery, Refusal, Response, TransportError};
use serde_json::Value;

use super::limits::{DAILY_QUOTA_WAIT_MS, THROTTLED_WAIT_MS};
use super::status::{error_of, read_status, refused_credentials};
use crate::answers::safe_words;

/// What an answer of `/batch` means (amplitude.com/docs/apis/analytics/batch-event-upload, 2026-03-13). A 400 or 429 took
/// nothing, so that what it does not name goes out again.
pub(super) fn read_event_answer(lines: u32, answer: Result<Response, TransportError>) -> Delivery {
    let response = match read_status(answer) {
        Ok(response) => response,
        Err(delivery) => return delivery,
    };
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return Delivery::Ambiguous { cause: "the answer is not Amplitude's".into() };
    };
    match response.status {
        400 => refused(lines, &body),
        429 => throttled(lines, &body),
        _ if body.get("code").and_then(Value::as_u64) == Some(200) => Delivery::Accepted,
        _ => Delivery::Ambiguous { cause: "the answer is not Amplitude's".into() },
    }
}

fn refused(lines: u32, body: &Value) -> Delivery {
    let said = error_of(Some(body));
    if said.starts_with("Invalid API key") {
        return refused_credentials();
    }
    // The first reason that names a line counts.
    let mut named: BTreeMap<u32, (String, String)> = BTreeMap::new();
    let maps = [
        ("events_with_invalid_fields", "the field is invalid"),
        ("events_with_missing_fields", "the field is missing"),
        ("events_with_invalid_id_lengths", "the id is too short"),
    ];
    for (map, reason) in maps {
        for (field, indexes) in body.get(map).and_then(Value::as_object).into_iter().flatten() {
            for line in lines_in(lines, Some(indexes)) {
                named.entry(line).or_insert_with(|| (safe_words(field), reason.to_string()));
            }
        }
    }
    for line in lines_in(lines, body.get("silenced_events")) {
        let reason = "Amplitude has silenced its device: it sent too many events".to_string();
        named.entry(line).or_insert_with(|| ("device_id".to_string(), reason));
    }
    if named.is_empty() {
        return Delivery::Halt {
            cause: format!("Amplitude refuses the request as a whole (status 400): {said}"),
            remedy: "check the region of the destination; if it is right, report this as a defect".into(),
        };
    }
    let refusal = |(line, (field, reason))| Refusal { line, field, reason };
    Delivery::NoneBut(named.into_iter().map(refusal).collect())
}

fn throttled(lines: u32, body: &Value) -> Delivery {
    let is_full = ["exceeded_daily_quota_users", "exceeded_daily_quota_devices"]
        .iter()
        .any(|name| body.get(*name).and_then(Value::as_object).is_some_and(|ids| !ids.is_empty()));
    let (wait_ms, cause) = if is_full {
        (DAILY_QUOTA_WAIT_MS, "Amplitude takes no more events of some users today (429, daily quota)")
    } else {
        (THROTTLED_WAIT_MS, "Amplitude asks to slow down for some users (429)")
    };
    let named = lines_in(lines, body.get("throttled_events"));
    if named.is_empty() || named.len() == lines as usize {
        return Delivery::RetryAfter { wait_ms: Some(wait_ms), cause: cause.into() };
    }
    Delivery::Parked { lines: named, wait_ms, cause: cause.into() }
}

/// The indexes in a list that are lines of the request, each once.
fn lines_in(lines: u32, indexes: Option<&Value>) -> Vec<u32> {
    let indexes = indexes.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_u64);
    let mut found: Vec<u32> = indexes.filter(|n| *n < u64::from(lines)).map(|n| n as u32).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Delivery {
        read_event_answer(4, Ok(Response { status, retry_after_s: None, body: body.to_string().into() }))
    }

    #[test]
    fn every_answer_says_what_to_do() {
        assert_eq!(answer(200, r#"{"code":200,"events_ingested":4}"#), Delivery::Accepted);
        assert!(matches!(answer(200, "<html>"), Delivery::Ambiguous { .. }));
        assert!(matches!(answer(400, r#"{"code":400,"error":"Invalid API key: x"}"#), Delivery::Halt { .. }));
        assert!(matches!(answer(400, r#"{"code":400,"missing_field":"api_key"}"#), Delivery::Halt { .. }));
        assert_eq!(answer(413, "<html>"), Delivery::TooLarge);
        assert!(matches!(answer(503, ""), Delivery::RetryAfter { .. }));
        for status in [408, 500, 502, 504] {
            assert!(matches!(answer(status, ""), Delivery::Ambiguous { .. }), "{status}");
        }
        for status in [401, 403, 404, 302] {
            assert!(matches!(answer(status, ""), Delivery::Halt { .. }), "{status}");
        }
    }

    #[test]
    fn a_400_names_fields_and_lines() {
        let body = r#"{"code":400,"error":"Invalid field values on some events","events_with_invalid_fields":{"time":[2,0]},
            "events_with_missing_fields":{"event_type":[0,9]},"silenced_events":[1]}"#;
        let Delivery::NoneBut(refused) = answer(400, body) else { panic!() };
        let told: Vec<_> = refused.iter().map(|r| (r.line, r.field.as_str())).collect();
        assert_eq!(told, [(0, "time"), (1, "device_id"), (2, "time")]);
    }

    #[test]
    fn a_429_parks_what_it_names() {
        let body = r#"{"code":429,"throttled_users":{"u":1500},"throttled_events":[3,1]}"#;
        assert!(matches!(answer(429, body), Delivery::Parked { lines, wait_ms: 30_000, .. } if lines == [1, 3]));
        let body = r#"{"code":429,"exceeded_daily_quota_users":{"u":500001},"throttled_events":[0]}"#;
        assert!(matches!(answer(429, body), Delivery::Parked { wait_ms: 3_600_000, .. }));
        let all = r#"{"code":429,"throttled_events":[0,1,2,3]}"#;
        for body in [all, "{}"] {
            assert!(matches!(answer(429, body), Delivery::RetryAfter { wait_ms: Some(30_000), .. }), "{body}");
        }
    }
}
