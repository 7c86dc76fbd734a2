//! What exports hold, looked at before anything is sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use serde_json::json;

#[test]
fn events_properties_and_odd_names_are_told() {
    let project = Project::new();
    let mut lines = String::new();
    let mut add = |name: &str, at: &str, properties: serde_json::Value| {
        lines.push_str(&format!(
            "{}\n",
            json!({ "event_type": name, "event_time": at, "user_id": "u1", "event_properties": properties })
        ));
    };
    for n in 0..10 {
        add("Order Placed", "2026-03-01 10:00:00", json!({ "price": n, "item": "pen" }));
    }
    add("order_placed", "2026-02-01 10:00:00", json!({ "price": "12" }));
    add("Old Thing", "2024-02-01 10:00:00", json!({ "itemName": "x" }));
    for n in 0..3 {
        add(&format!("Viewed {}", 48_000 + n), "2026-03-01 10:00:00", json!({ "item_name": "y" }));
    }
    project.export("amplitude/1.json", lines);
    project.export("amplitude/bad.parquet", b"PAR1 and nothing else");
    project.run(&["audit", "amplitude/"]).exits(1).says(&[
        "15 rows in 2 exports",
        "events by column event_type, times by column event_time",
        "Order Placed",
        "66.7 %",
        "stale",
        "event names that differ only in their spelling: Order Placed / order_placed",
        "3 event names seem to hold a value, which belongs into a property: Viewed 48000",
        "properties that differ only in their spelling: item_name / itemName",
        "properties with values of several types: event_properties.price",
        "cannot be read: amplitude/bad.parquet",
    ]);
    project.remove("amplitude/bad.parquet");
    let told = project.run(&["audit", "amplitude/", "--json"]).exits(0).json();
    assert_eq!(
        told["events"][0],
        json!({ "name": "Order Placed", "rows": 10, "first_ms": 1_772_359_200_000_i64, "last_ms": 1_772_359_200_000_i64 })
    );
    let price = told["properties"].as_array().unwrap().iter().find(|p| p["name"] == "event_properties.price").unwrap();
    assert_eq!((price["filled"].as_u64(), price["distinct"].as_u64()), (Some(11), Some(11)));
    project.run(&["audit", "nothing/"]).exits(1).says(&["there are no exports under nothing/"]);
}
