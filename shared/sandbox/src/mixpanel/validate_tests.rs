use serde_json::{Value, json};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000; // 2026-01-01

fn event_with(property: &str, value: Value) -> Value {
    let mut event = json!({
        "event": "Signed up",
        "properties": {"time": 1_767_000_000, "distinct_id": "u1", "$insert_id": "a-1", "plan": "pro"},
    });
    event["properties"][property] = value;
    event
}

fn event_without(property: &str) -> Value {
    let mut event = event_with("plan", json!("pro"));
    event["properties"].as_object_mut().unwrap().shift_remove(property);
    event
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!({ "in": inner }))
}

fn keys(count: usize) -> Value {
    Value::Object((0..count).map(|i| (format!("k{i}"), json!(i))).collect())
}

#[track_caller]
fn refused(event: Value, field: &str, message: &str) {
    let invalid = validate_event(&event, NOW_MS, None, true).unwrap_err();
    assert_eq!((invalid.field.as_str(), invalid.message.as_str()), (field, message));
}

#[track_caller]
fn accepted(event: Value) -> ValidEvent {
    validate_event(&event, NOW_MS, None, true).unwrap()
}

#[test]
fn a_plain_event_is_kept_without_its_identity_properties() {
    let valid = accepted(event_with("plan", json!("pro")));
    assert_eq!(valid.event, "Signed up");
    assert_eq!(valid.distinct_id, "u1");
    assert_eq!(valid.time_ms, 1_767_000_000_000);
    assert_eq!(valid.insert_id, "a-1");
    assert_eq!(Value::Object(valid.properties), json!({"plan": "pro"}));
}

#[test]
fn only_event_and_properties_at_the_top() {
    let mut event = event_with("plan", json!(1));
    event["token"] = json!("x");
    refused(event, "token", "'token' is invalid: only 'event' and 'properties' are allowed");
    refused(json!([]), "event", "'event' is invalid: must be an object");
    refused(json!({"event": "a"}), "properties", "'properties' is invalid: must not be missing");
    refused(json!({"event": "a", "properties": 1}), "properties", "'properties' is invalid: must be an object");
}

#[test]
fn the_name_is_a_non_empty_string() {
    for name in [json!(""), json!(1), Value::Null] {
        let mut event = event_with("plan", json!(1));
        event["event"] = name;
        refused(event, "event", "'event' is invalid: must be a non-empty string");
    }
    refused(json!({"properties": {}}), "event", "'event' is invalid: must not be missing");
}

#[test]
fn time_is_an_integer_of_seconds_or_milliseconds() {
    assert_eq!(accepted(event_with("time", json!(1_767_000_000))).time_ms, 1_767_000_000_000);
    assert_eq!(accepted(event_with("time", json!(1_767_000_000_123_i64))).time_ms, 1_767_000_000_123);
    for wrong in [json!("1767000000"), json!(1_767_000_000.5), Value::Null, json!(u64::MAX)] {
        refused(
            event_with("time", wrong),
            "properties.time",
            "'properties.time' is invalid: must be specified as seconds since epoch",
        );
    }
    refused(event_without("time"), "properties.time", "'properties.time' is invalid: must not be missing");
}

#[test]
fn time_is_not_before_1971() {
    assert_eq!(accepted(event_with("time", json!(31_536_000))).time_ms, 31_536_000_000);
    assert_eq!(accepted(event_with("time", json!(31_536_000_000_i64))).time_ms, 31_536_000_000);
    for early in [31_535_999, 0, -5] {
        refused(
            event_with("time", json!(early)),
            "properties.time",
            "'properties.time' is invalid: must not be before 1971-01-01",
        );
    }
}

#[test]
fn a_future_time_is_rewritten_up_to_an_hour_and_refused_beyond() {
    let last = NOW_MS + 3_600_000;
    assert_eq!(accepted(event_with("time", json!(last))).time_ms, NOW_MS);
    refused(
        event_with("time", json!(last + 1)),
        "properties.time",
        "'properties.time' is invalid: must not be in the future",
    );
}

#[test]
fn retention_is_a_setting_of_the_project() {
    let oldest = NOW_MS - 730 * DAY_MS;
    assert!(validate_event(&event_with("time", json!(oldest)), NOW_MS, Some(730), true).is_ok());
    let older = event_with("time", json!(oldest - 1));
    assert!(validate_event(&older, NOW_MS, None, true).is_ok());
    let invalid = validate_event(&older, NOW_MS, Some(730), true).unwrap_err();
    assert_eq!(invalid.message, "data past retention period of 730 days");
}

#[test]
fn distinct_id_is_a_string_that_is_no_placeholder() {
    assert_eq!(accepted(event_with("distinct_id", json!(""))).distinct_id, "");
    let field = "properties.distinct_id";
    refused(event_without("distinct_id"), field, "'properties.distinct_id' is invalid: must not be missing");
    refused(event_with("distinct_id", json!(7)), field, "'properties.distinct_id' is invalid: must be a string");
    for banned in ["NULL", "anon", "<nil>", "-1", "{}"] {
        refused(
            event_with("distinct_id", json!(banned)),
            field,
            "'properties.distinct_id' is invalid: must not be a placeholder value",
        );
    }
}

#[test]
fn insert_id_is_short_and_plain() {
    assert_eq!(accepted(event_with("$insert_id", json!("x".repeat(36)))).insert_id.len(), 36);
    let field = "properties.$insert_id";
    let cases = [
        (json!("x".repeat(37)), "must not be longer than 36 bytes"),
        (json!("a_b"), "must contain only letters, digits and '-'"),
        (json!("ä"), "must contain only letters, digits and '-'"),
        (json!("Undefined"), "must not be a placeholder value"),
        (json!(""), "must be a non-empty string"),
        (json!(12), "must be a non-empty string"),
    ];
    for (value, reason) in cases {
        refused(event_with("$insert_id", value), field, &format!("'{field}' is invalid: {reason}"));
    }
    refused(event_without("$insert_id"), field, "'properties.$insert_id' is invalid: must not be missing");
}

#[test]
fn properties_are_fewer_than_255() {
    let with = |count: usize| {
        let mut event = event_without("plan");
        let properties = event["properties"].as_object_mut().unwrap();
        properties.extend((3..count).map(|i| (format!("p{i}"), json!(i))));
        event
    };
    accepted(with(254));
    refused(with(255), "properties", "'properties' is invalid: must have fewer than 255 properties");
}

#[test]
fn nested_values_are_bounded() {
    accepted(event_with("x", nested(3)));
    refused(
        event_with("x", nested(4)),
        "properties.x",
        "'properties.x' is invalid: nested objects must not be deeper than 3",
    );
    accepted(event_with("x", keys(254)));
    refused(
        event_with("x", keys(255)),
        "properties.x",
        "'properties.x' is invalid: nested object must have fewer than 255 keys",
    );
    accepted(event_with("x", json!(vec![1; 254])));
    refused(
        event_with("x", json!(vec![1; 255])),
        "properties.x",
        "'properties.x' is invalid: array must have fewer than 255 elements",
    );
    refused(
        event_with("x", json!([[vec![1; 255]]])),
        "properties.x",
        "'properties.x' is invalid: array must have fewer than 255 elements",
    );
}

#[test]
fn an_event_is_smaller_than_one_megabyte() {
    let overhead = shape::json_bytes(&event_with("x", json!("")));
    let filled = |bytes: usize| event_with("x", json!("x".repeat(bytes - overhead)));
    accepted(filled(EVENT_BYTES_BELOW - 1));
    refused(filled(EVENT_BYTES_BELOW), "event", "'event' is invalid: must be smaller than 1 MB");
}

#[test]
fn long_strings_are_cut_everywhere() {
    let long = "x".repeat(300);
    let valid = accepted(event_with("x", json!({"y": [long.clone()], "z": long})));
    assert_eq!(valid.properties["x"]["y"][0].as_str().unwrap().len(), 255);
    assert_eq!(valid.properties["x"]["z"].as_str().unwrap().len(), 255);
}

#[test]
fn ignored_and_deleted_events_are_known() {
    assert!(accepted(event_with("$ignore", json!(true))).is_ignored());
    assert!(accepted(event_with("driftless_deleted", json!(true))).is_deleted());
    assert!(!accepted(event_with("driftless_deleted", json!("true"))).is_deleted());
}
