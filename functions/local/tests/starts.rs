//! What `driftless init --from` writes works on what the tool exports.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Project, real_data};
use serde_json::{Value, json};

/// The project that init writes, with the sandbox as its destination.
fn project(from: &str) -> Project {
    let project = Project::new();
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    std::fs::remove_file(project.path("driftless.yaml")).unwrap();
    project.run(&["init", "--from", from]).exits(0);
    project.write("driftless.yaml", yaml);
    project
}

fn properties(project: &Project) -> Vec<Value> {
    let mut events = project.events();
    events.sort_by_key(|event| event["properties"]["time"].as_i64());
    events.into_iter().map(|event| event["properties"].clone()).collect()
}

#[test]
fn ga4_tables_of_bigquery() {
    let project = project("ga4");
    let event = |at: u64, name: &str, title: &str| {
        json!({
            "event_date": "20260110", "event_timestamp": at.to_string(), "event_name": name, "user_pseudo_id": "17.3",
            "event_params": [
                { "key": "page_title", "value": { "string_value": title } },
                { "key": "ga_session_id", "value": { "int_value": "1696470452" } },
                { "key": "value", "value": { "double_value": 9.5 } },
            ],
            "user_first_touch_timestamp": "1696470452486466", "geo": { "country": "Austria" }, "platform": "WEB",
        })
        .to_string()
            + "\n"
    };
    let first = event(1_768_034_000_000_001, "page_view", "Home") + &event(1_768_034_000_500_001, "purchase", "Cart");
    project.export("ga4/20260110/000000000000.json", &first);
    project.sync().exits(0).counts(&[("counts/accepted", 2)]);
    let sent = properties(&project);
    let cart = json!({ "page_title": "Cart", "ga_session_id": 1_696_470_452, "value": 9.5, "platform": "WEB", "geo": { "country": "Austria" } });
    for (name, value) in cart.as_object().unwrap() {
        assert_eq!(&sent[1][name], value, "{name}");
    }
    assert_eq!((&sent[1]["time"], &sent[1]["distinct_id"]), (&json!(1_768_034_000_500_u64), &json!("$device:17.3")));

    // The day is exported again, with an event that came late.
    project.export("ga4/20260110/000000000000.json", first + &event(1_768_034_900_000_000, "scroll", "Home"));
    project.sync().exits(0).counts(&[("counts/accepted", 1), ("counts/duplicate", 2)]);
}

#[test]
fn raw_calls_of_segment() {
    let project = project("segment");
    let call = |id: &str, kind: &str| {
        json!({
            "type": kind, "messageId": id, "userId": "u1", "anonymousId": "a1", "event": "Order Completed",
            "properties": { "total": 27.5 }, "context": { "locale": "de-AT" }, "timestamp": "2026-01-10T08:00:00.000Z",
            "receivedAt": "2026-01-10T08:00:01.000Z", "sentAt": "2026-01-10T08:00:00.900Z", "integrations": {},
        })
        .to_string()
            + "\n"
    };
    let calls = call("m1", "track") + &call("m2", "identify") + &call("m1", "track");
    project.export("segment/17/1768003200000/a.json", calls);
    project.sync().exits(0).counts(&[("counts/accepted", 1), ("counts/duplicate", 1), ("counts/filtered", 1)]);
    let sent = properties(&project);
    assert_eq!((&sent[0]["total"], &sent[0]["context"]), (&json!(27.5), &json!({ "locale": "de-AT" })));
    assert_eq!((&sent[0]["$user_id"], &sent[0]["$device_id"]), (&json!("u1"), &json!("a1")));
    assert!(sent[0].get("receivedAt").is_none());
}

#[test]
fn warehouse_tables_of_segment() {
    let project = project("segment-tables");
    project.export(
        "tracks/order_completed.csv",
        "id,event,event_text,anonymous_id,user_id,context_ip,total,timestamp,received_at,uuid_ts\n\
         m1,order_completed,Order Completed,a1,u1,192.0.2.1,27.5,2026-01-10 08:00:00.000,2026-01-10 08:00:01.000,2026-01-10 09:00:00.000\n",
    );
    project.sync().exits(0).counts(&[("counts/accepted", 1)]);
    let sent = properties(&project);
    assert_eq!((&sent[0]["total"], &sent[0]["time"]), (&json!(27.5), &json!(1_768_032_000_000_u64)));
    assert!(sent[0].get("context_ip").is_none() && sent[0].get("uuid_ts").is_none());
}

#[test]
fn events_of_snowplow() {
    let Some(path) = real_data("snowplow/snowplow_web_vital_events.csv") else { return };
    let project = project("snowplow");
    project.export("snowplow/events.csv", std::fs::read(path).unwrap());
    project.sync().exits(4).counts(&[("counts/accepted", 1_000), ("counts/rejected", 1)]);
    let sent = properties(&project);
    assert!(sent.iter().all(|event| event["$current_url"].is_string() && event.get("page_url").is_none()));
    assert!(sent.iter().all(|event| event["distinct_id"].as_str().unwrap().starts_with("$device:")));
}
