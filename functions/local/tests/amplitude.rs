//! Amplitude: events, mutation files, properties and lookup tables, through the real command to a sandbox and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use common::Project;
use driftless_sandbox::amplitude::throttle::Throttle;
use driftless_sandbox::faults::FaultPlan;
use driftless_sandbox::server::SandboxConfig;
use serde_json::{Value, json};

const APPEND: &str = "\
destination: product
kind: events
mode: append
source: { prefix: orders/, feed: append }
events:
  name: { value: Order Placed }
  time: { column: at }
  user_id: user
  device_id: device
  insert_id: id
  groups: { company: company }
  exclude: [internal]
  amplitude: { fields: { platform: os, revenue: amount }, user_properties: [plan], skip_user_properties_sync: true }
";

const MIRROR: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: orders/, feed: snapshot, complete: each_file }
hold: { deletes_at_least: 1000 }
events:
  name: { column: name }
  time: { column: at }
  user_id: user
  insert_id: id
";

/// Events by one of their properties.
fn by_property(project: &Project, property: &str) -> BTreeMap<String, Value> {
    let events = project.amplitude()["events"].as_array().unwrap().clone();
    let count = events.len();
    let found: BTreeMap<String, Value> =
        events.into_iter().map(|event| (event["event_properties"][property].to_string(), event)).collect();
    assert_eq!(found.len(), count, "no event is there twice");
    found
}

#[test]
fn new_events_go_through_the_batch_api() {
    let project = Project::new().for_amplitude().sync_yaml("orders", APPEND);
    project.export(
        "orders/1.csv",
        "id,at,user,device,company,os,amount,plan,internal,item\n\
         1,2026-01-01T10:00:00Z,user-1,,acme,iOS,12.50,pro,x,pen\n\
         2,2026-01-01T11:00:00Z,,device-2,,,,,x,ink\n\
         3,2026-01-01T12:00:00Z,u3,,,,,,x,cup\n\
         4,2026-01-01T12:00:00Z,none,,,,,,x,cup\n",
    );
    project.run(&["plan"]).exits(4).says(&["would send 2 events"]);
    project.sync().exits(4).counts(&[("counts/accepted", 2), ("counts/rejected", 2)]);
    project.run(&["failures", "orders"]).exits(4).says(&[
        "holds an id of fewer than 5 characters, which Amplitude drops",
        "holds a placeholder that Amplitude refuses",
    ]);
    let events = by_property(&project, "item");
    let pen = &events["\"pen\""];
    assert_eq!(pen["event_type"], "Order Placed");
    assert_eq!(pen["time"], 1_767_261_600_000_i64);
    assert_eq!(pen["revenue"], json!(12.5));
    assert_eq!(pen["platform"], "iOS");
    assert_eq!(pen["groups"], json!({ "company": "acme" }));
    assert_eq!(pen["user_properties"], json!({ "plan": "pro" }));
    assert_eq!(pen["event_properties"], json!({ "id": 1, "item": "pen" }));
    assert_eq!(pen["$skip_user_properties_sync"], true);
    assert_eq!(events["\"ink\""]["device_id"], "device-2");
    // The same rows in another export send nothing.
    project.export("orders/2.csv", "id,at,user,device,company,os,amount,plan,internal,item\n1,2026-01-01T10:00:00Z,user-1,,acme,iOS,12.50,pro,x,pen\n");
    project.sync().counts(&[("settled/events_sent", 0), ("counts/duplicate", 1)]);
}

#[test]
fn faults_and_hot_users_lose_nothing_and_double_nothing() {
    let faults = FaultPlan { lost_answer: 0.2, rate_429: 0.1, rate_5xx: 0.1, seed: 5, ..FaultPlan::default() };
    let config = SandboxConfig { faults, throttle: Throttle::new(300, 500_000), ..SandboxConfig::local(0) };
    let project = Project::with_sandbox(config).for_amplitude().sync_yaml("orders", APPEND);
    let mut rows = "id,at,user,item\n".to_string();
    for n in 0..3_000 {
        // One user has a tenth of the events of two requests.
        let user = if n % 10 == 0 { "user-hot".to_string() } else { format!("user-{n}") };
        rows.push_str(&format!("{n},2026-01-01T10:00:00Z,{user},{n}\n"));
    }
    project.export("orders/1.csv", rows);
    project.sync().exits(0).counts(&[("counts/accepted", 3_000)]);
    assert_eq!(by_property(&project, "item").len(), 3_000);
}

#[test]
fn mutation_files_follow_a_snapshot() {
    let project = Project::new().for_amplitude().sync_yaml("orders", MIRROR);
    let header = "id,name,at,user,item\n";
    project.export(
        "orders/all.csv",
        format!("{header}1,Order,2026-01-01,user-1,pen\n2,Order,2026-01-01,user-2,ink\n3,Order,2026-01-01,user-3,cup\n4,Order,2026-01-01,,tea\n"),
    );
    project.run(&["plan"]).exits(4).says(&["would send 3 events", "states a minimum of 1000 KB a file"]);
    project.sync().exits(4).counts(&[("plan/inserts", 3), ("counts/rejected", 1)]);
    project.run(&["failures", "orders"]).exits(4).says(&["no user id, without which Amplitude mirrors no event"]);
    assert!(project.get("/").contains("class=\"name\">Order"), "the page reads new files as well");
    assert_eq!(by_property(&project, "item").len(), 3);

    // An update, another user (a delete and an insert), a delete.
    project.export("orders/all.csv", format!("{header}1,Order,2026-01-01,user-1,nib\n2,Order,2026-01-01,user-9,ink\n"));
    let plan = project.run(&["plan"]).exits(0);
    plan.says(&["each deletes the old event and inserts a new one"]);
    project.sync().exits(0).counts(&[
        ("plan/updates", 2),
        ("plan/deletes", 1),
        ("plan/identity_changes", 1),
        ("settled/events_sent", 4),
    ]);
    let events = by_property(&project, "item");
    assert_eq!(events.keys().collect::<Vec<_>>(), ["\"ink\"", "\"nib\""]);
    assert_eq!(events["\"ink\""]["user_id"], "user-9");

    // What was deleted comes back, under an insert_id of its own.
    project.export(
        "orders/all.csv",
        format!(
            "{header}1,Order,2026-01-01,user-1,nib\n2,Order,2026-01-01,user-9,ink\n3,Order,2026-01-01,user-3,cup\n"
        ),
    );
    project.sync().exits(0).counts(&[("plan/inserts", 1), ("settled/events_sent", 1)]);
    assert_eq!(by_property(&project, "item").len(), 3);
    let files = project.amplitude()["files"].clone();
    assert_eq!(files, json!({ "files": 3, "inserts": 5, "updates": 1, "deletes": 2, "unmatched": 0, "dropped": 0 }));
    project
        .run(&["verify", "orders"])
        .exits(0)
        .says(&["3 equal at the destination, 0 missing or different, 0 surplus"]);
}

#[test]
fn a_window_keeps_runs_apart() {
    let project = Project::new().for_amplitude().sync_yaml("orders", MIRROR);
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    project.write("driftless.yaml", yaml.replace("window_minutes: 0", "window_minutes: 60"));
    project.export("orders/all.csv", "id,name,at,user,item\n1,Order,2026-01-01,user-1,pen\n");
    project.sync().exits(0).counts(&[("plan/inserts", 1)]);
    project.export("orders/all.csv", "id,name,at,user,item\n1,Order,2026-01-01,user-1,nib\n");
    project.run(&["sync"]).says(&["what is new waits 60 minutes"]);
    assert_eq!(by_property(&project, "item").keys().collect::<Vec<_>>(), ["\"pen\""]);
}

#[test]
fn properties_of_users_and_groups_are_set_and_unset() {
    let users = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: users/, feed: snapshot, complete: each_file }
hold: { deletes_at_least: 1000 }
profiles: { id: user }
";
    let groups = users
        .replace("user_profiles", "group_profiles")
        .replace("prefix: users/", "prefix: companies/")
        .replace("id: user", "id: name, group_key: company");
    let project = Project::new().for_amplitude().sync_yaml("users", users).sync_yaml("companies", &groups);
    project.export("users/all.csv", "user,plan,city\nuser-1,pro,Ulm\nuser-2,free,\n");
    project.export("companies/all.csv", "name,seats\nacme,3\nit,5\n");
    project.run(&["sync"]).exits(0);
    let properties = |project: &Project| -> BTreeMap<String, Value> {
        let all = project.amplitude()["properties"].as_array().unwrap().clone();
        all.into_iter().map(|p| (p["id"].as_str().unwrap().to_string(), p["properties"].clone())).collect()
    };
    let found = properties(&project);
    assert_eq!(found["user-1"], json!({ "plan": "pro", "city": "Ulm" }));
    assert_eq!(found["acme"], json!({ "seats": 3 }));
    project.export("users/all.csv", "user,plan,city\nuser-1,pro,\n");
    project.run(&["plan"]).exits(0).says(&["1 deletes unset the properties that this sync sets"]);
    project.run(&["sync"]).exits(0);
    let found = properties(&project);
    assert_eq!(found["user-1"], json!({ "plan": "pro" }));
    assert_eq!(found["user-2"], json!({}));
}

#[test]
fn profiles_and_lookup_tables_are_followed() {
    let profiles = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: users/, feed: snapshot, complete: each_file }
hold: { deletes_at_least: 1000 }
profiles: { id: user, amplitude: profiles }
";
    let table = "\
destination: product
kind: lookup_table
mode: mirror
source: { prefix: items/, complete: each_file }
lookup_table: { id: items, key: sku }
";
    let project = Project::new().for_amplitude().sync_yaml("users", profiles).sync_yaml("items", table);
    project.export("users/all.csv", "user,plan,user_id\nuser-1,pro,7\nuser-2,free,8\nuser-3,free,9\n");
    project.export("items/all.csv", "sku,name\na,Pen\nb,Ink\n");
    project.run(&["sync"]).exits(0);
    let found = project.amplitude();
    assert_eq!(found["profiles"]["user-1"], json!({ "plan": "pro", "column_user_id": 7 }));
    assert_eq!(found["tables"]["items"], "sku,name\na,Pen\nb,Ink\n");
    project.export("users/all.csv", "user,plan,user_id\nuser-1,,7\nuser-2,free,8\n");
    project.run(&["sync"]).exits(0);
    let expected = json!({ "user-1": { "column_user_id": 7 }, "user-2": { "plan": "free", "column_user_id": 8 } });
    assert_eq!(project.amplitude()["profiles"], expected);
}

#[test]
fn what_amplitude_does_not_take_is_refused_before() {
    let check = |yaml: &str, says: &str| {
        Project::new().for_amplitude().sync_yaml("orders", yaml).run(&["check"]).exits(2).says(&[says]);
    };
    check(&MIRROR.replace("  user_id: user\n", ""), "Amplitude finds the event of a mutation by its user id");
    check(&format!("{MIRROR}  without_user: send_blank\n"), "Amplitude takes no event without a user or device id");
    check(
        &APPEND.replace("{ company: company }", "{ a: a, b: b, c: c, d: d, e: e, f: f }"),
        "Amplitude takes 5 group types",
    );
    let project = Project::new().sync_yaml("orders", APPEND);
    project.run(&["check"]).exits(2).says(&["events.amplitude: destination product is Mixpanel; remove it"]);
    let project = Project::new().for_amplitude().sync_yaml("orders", MIRROR);
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    project.write("driftless.yaml", yaml.replace(", mutation_files: { to: amplitude/, window_minutes: 0 }", ""));
    project
        .run(&["check"])
        .exits(2)
        .says(&["goes to Amplitude as mutation files; set destinations.product.mutation_files"]);
    for (to, says) in [
        ("s3://my.bucket/x/", "names a bucket with dots"),
        ("s3://bucket/x", "must end with /"),
        ("gs://bucket/x/", "is s3://BUCKET/PREFIX/"),
    ] {
        project.write("driftless.yaml", yaml.replace("to: amplitude/", &format!("to: {to}")));
        project.run(&["check"]).exits(2).says(&[says]);
    }
}
