//! `POST /batch` as a pure function: request in, events and answer out. A request with one bad event takes none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

use super::limits::{MAX_BATCH_BYTES, MAX_DEPTH, MAX_EVENTS, MAX_TEXT, MIN_ID_LENGTH, is_banned};
use super::throttle::{Full, Throttle};
use crate::answer::Answer;

/// Events with the API key they came under.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The project's key.
    pub api_key: String,
    /// Valid events, cut and without unknown fields.
    pub events: Vec<Map<String, Value>>,
}

/// Fields of an event that are kept.
const FIELDS: &[&str] = &[
    "user_id",
    "device_id",
    "event_type",
    "time",
    "event_properties",
    "user_properties",
    "groups",
    "group_properties",
    "$skip_user_properties_sync",
    "app_version",
    "platform",
    "os_name",
    "os_version",
    "device_brand",
    "device_manufacturer",
    "device_model",
    "carrier",
    "country",
    "region",
    "city",
    "dma",
    "language",
    "price",
    "quantity",
    "revenue",
    "productId",
    "revenueType",
    "currency",
    "location_lat",
    "location_lng",
    "ip",
    "idfa",
    "idfv",
    "adid",
    "android_id",
    "event_id",
    "session_id",
    "insert_id",
    "plan",
    "user_agent",
];
const NUMBERS: &[&str] =
    &["price", "quantity", "revenue", "location_lat", "location_lng", "event_id", "session_id", "time"];
const OBJECTS: &[&str] = &["event_properties", "user_properties", "groups", "group_properties", "plan"];

/// Takes a request, or refuses it whole.
pub fn batch(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    throttle: &mut Throttle,
    now_ms: i64,
) -> (Answer, Option<Taken>) {
    match take(content_type, content_encoding, body, throttle, now_ms) {
        Ok(taken) => {
            let count = taken.events.len();
            let body = json!({
                "code": 200, "events_ingested": count, "payload_size_bytes": body.len(), "server_upload_time": now_ms,
            });
            (Answer { status: 200, body, retry_after_s: None, events: count }, Some(taken))
        }
        Err(answer) => (answer, None),
    }
}

fn refusal(status: u16, error: &str, events: usize) -> Answer {
    Answer { status, body: json!({ "code": status, "error": error }), retry_after_s: None, events }
}

fn take(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    throttle: &mut Throttle,
    now_ms: i64,
) -> Result<Taken, Answer> {
    if !content_type.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(refusal(400, "Invalid JSON request body", 0));
    }
    let text = match content_encoding {
        Some("gzip") => {
            let mut text = Vec::new();
            let read = MultiGzDecoder::new(body).take(MAX_BATCH_BYTES as u64 + 1).read_to_end(&mut text);
            read.map_err(|_| refusal(400, "Invalid JSON request body", 0))?;
            Cow::Owned(text)
        }
        _ => Cow::Borrowed(body),
    };
    if text.len() > MAX_BATCH_BYTES {
        return Err(refusal(413, "Payload too large", 0));
    }
    let request: Value = serde_json::from_slice(&text).map_err(|_| refusal(400, "Invalid JSON request body", 0))?;
    let missing = |field: &str| {
        let body = json!({ "code": 400, "error": "Request missing required field", "missing_field": field });
        Answer { status: 400, body, retry_after_s: None, events: 0 }
    };
    let api_key = request["api_key"].as_str().ok_or_else(|| missing("api_key"))?.to_owned();
    if api_key.is_empty() {
        return Err(refusal(400, "Invalid API key: ", 0));
    }
    let events = request["events"].as_array().ok_or_else(|| missing("events"))?;
    if events.len() > MAX_EVENTS {
        return Err(refusal(413, "Payload too large", events.len()));
    }
    let min_id_length = request["options"]["min_id_length"].as_u64().map_or(MIN_ID_LENGTH, |n| n as usize);
    let mut faults = Faults::default();
    let valid: Vec<_> =
        events.iter().enumerate().map(|(n, event)| check(n, event, min_id_length, &mut faults)).collect();
    if let Some(answer) = faults.answer(events.len()) {
        return Err(answer);
    }
    throttled(&valid, throttle, now_ms)?;
    Ok(Taken { api_key, events: valid })
}

#[derive(Default)]
struct Faults {
    invalid: BTreeMap<String, Vec<usize>>,
    missing: BTreeMap<String, Vec<usize>>,
    short: BTreeMap<String, Vec<usize>>,
}

impl Faults {
    fn answer(&self, events: usize) -> Option<Answer> {
        if self.invalid.is_empty() && self.missing.is_empty() && self.short.is_empty() {
            return None;
        }
        let mut body = json!({ "code": 400, "error": "Invalid field values on some events" });
        for (name, map) in [
            ("events_with_invalid_fields", &self.invalid),
            ("events_with_missing_fields", &self.missing),
            ("events_with_invalid_id_lengths", &self.short),
        ] {
            if !map.is_empty() {
                body[name] = json!(map);
            }
        }
        Some(Answer { status: 400, body, retry_after_s: None, events })
    }
}

fn check(number: usize, event: &Value, min_id_length: usize, faults: &mut Faults) -> Map<String, Value> {
    let Some(event) = event.as_object() else {
        faults.invalid.entry("event".to_owned()).or_default().push(number);
        return Map::new();
    };
    let mut kept: Map<String, Value> =
        event.iter().filter(|(name, _)| FIELDS.contains(&name.as_str())).map(|(n, v)| (n.clone(), v.clone())).collect();
    let mut invalid = |name: &str| faults.invalid.entry(name.to_owned()).or_default().push(number);
    for name in NUMBERS {
        if kept.get(*name).is_some_and(|value| !value.is_number() && !value.is_null()) {
            invalid(name);
        }
    }
    if kept.get("time").is_some_and(|time| !time.is_i64() && !time.is_u64()) {
        invalid("time");
    }
    for name in OBJECTS {
        if kept.get(*name).is_some_and(|value| !value.is_object() || depth(value) > MAX_DEPTH) {
            invalid(name);
        }
    }
    if kept.get("insert_id").is_some_and(|id| !id.is_string()) {
        invalid("insert_id");
    }
    for name in ["user_id", "device_id"] {
        match kept.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if is_banned(id) => invalid(name),
            Some(Value::String(_)) => {}
            Some(_) => invalid(name),
        }
    }
    if kept.get("event_type").and_then(Value::as_str).is_none_or(str::is_empty) {
        faults.missing.entry("event_type".to_owned()).or_default().push(number);
    }
    let long_enough = |value: &Value| value.as_str().is_some_and(|id| id.chars().count() >= min_id_length);
    let ids: Vec<&str> =
        ["user_id", "device_id"].into_iter().filter(|name| kept.get(*name).is_some_and(|v| !v.is_null())).collect();
    if ids.is_empty() {
        faults.missing.entry("user_id".to_owned()).or_default().push(number);
    } else if !ids.iter().any(|name| long_enough(&kept[*name])) {
        faults.short.entry(ids[0].to_owned()).or_default().push(number);
    }
    // An id that is too short is taken off without a word where the other one is left.
    kept.retain(|name, value| !matches!(name.as_str(), "user_id" | "device_id") || long_enough(value));
    kept.values_mut().for_each(cut);
    kept
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Cuts every text.
pub(super) fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
                text.truncate(end);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(fields) => fields.values_mut().for_each(cut),
        _ => {}
    }
}

/// One id too many refuses the whole request, and names all its events.
fn throttled(events: &[Map<String, Value>], throttle: &mut Throttle, now_ms: i64) -> Result<(), Answer> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for event in events {
        for name in ["user_id", "device_id"] {
            if let Some(id) = event.get(name).and_then(Value::as_str) {
                *counts.entry((name, id)).or_default() += 1;
            }
        }
    }
    let full: BTreeMap<(&str, &str), Full> = counts
        .iter()
        .filter_map(|((name, id), count)| {
            Some(((*name, *id), throttle.is_full(&format!("{name}:{id}"), *count, now_ms)?))
        })
        .collect();
    if full.is_empty() {
        counts.iter().for_each(|((name, id), count)| throttle.take(&format!("{name}:{id}"), *count, now_ms));
        return Ok(());
    }
    let of = |name: &str, why: Full| -> Map<String, Value> {
        let ids = full.iter().filter(|((field, _), full)| *field == name && **full == why);
        ids.map(|((field, id), _)| ((*id).to_owned(), json!(counts[&(*field, *id)]))).collect()
    };
    let named: Vec<usize> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| full.keys().any(|(name, id)| event.get(*name).and_then(Value::as_str) == Some(*id)))
        .map(|(number, _)| number)
        .collect();
    let body = json!({
        "code": 429,
        "error": "Too many requests for some devices and users",
        "eps_threshold": 1_000,
        "throttled_users": of("user_id", Full::Now),
        "throttled_devices": of("device_id", Full::Now),
        "exceeded_daily_quota_users": of("user_id", Full::Today),
        "exceeded_daily_quota_devices": of("device_id", Full::Today),
        "throttled_events": named,
    });
    Err(Answer { status: 429, body, retry_after_s: None, events: events.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(events: Value, throttle: &mut Throttle) -> (Answer, Option<Taken>) {
        let body = json!({ "api_key": "k", "events": events }).to_string();
        batch(Some("application/json"), None, body.as_bytes(), throttle, 1_000)
    }

    #[test]
    fn one_bad_event_refuses_all_and_is_named() {
        let (answer, taken) = send(
            json!([
                { "event_type": "a", "user_id": "user-1", "time": 1 },
                { "event_type": "a", "user_id": "user-1", "time": "2026-01-01" },
                { "event_type": "a", "user_id": "u" },
                { "user_id": "user-1" },
                { "event_type": "a", "user_id": "none" },
                { "event_type": "a" },
            ]),
            &mut Throttle::default(),
        );
        assert_eq!((answer.status, taken), (400, None));
        let text = answer.body.to_string();
        assert_eq!(answer.body["events_with_invalid_fields"]["user_id"], json!([4]), "{text}");
        assert_eq!(answer.body["events_with_invalid_id_lengths"]["user_id"], json!([2, 4]), "{text}");
        assert_eq!(answer.body["events_with_missing_fields"], json!({ "event_type": [3], "user_id": [5] }), "{text}");
    }

    #[test]
    fn a_hot_user_is_throttled_by_name() {
        let mut throttle = Throttle::new(3, 5);
        let of = |users: &[&str]| {
            json!(users.iter().map(|u| json!({ "event_type": "a", "user_id": u })).collect::<Vec<_>>())
        };
        assert_eq!(send(of(&["user-1", "user-1", "user-2"]), &mut throttle).0.status, 200);
        let (answer, taken) = send(of(&["user-2", "user-1", "user-1"]), &mut throttle);
        assert_eq!((answer.status, taken), (429, None));
        assert_eq!(answer.body["throttled_events"], json!([1, 2]));
        assert!(answer.body["throttled_users"]["user-1"].is_number());
    }
}
