//! Values of users and groups with the time they hold from: experimental, and off unless asked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use driftless_sandbox::mixpanel::auth::Project as MixpanelProject;
use driftless_sandbox::server::SandboxConfig;
use serde_json::{Value, json};

const HISTORY: &str = "\
destination: product
kind: profile_history
mode: full
source: { prefix: plans/, feed: snapshot }
profile_history:
  experimental: true
  name: Plans
  id: user
  start_time: { column: valid_from }
  properties:
    plan: { column: plan, type: string }
    mrr: { column: mrr, type: number }
    active: { column: active, type: boolean }
";

const ROWS: &str = "\
user,valid_from,valid_to,plan,mrr,active
user-1,2026-01-01,2026-02-01,free,0,false
user-1,2026-02-01,,pro,49.5,true
user-2,2026-01-05,2026-03-01,pro,49.5,true
user-2,2026-03-01,,,,
user-3,2026-01-05,,pro,much,true
";

fn mixpanel() -> Project {
    let project = Project::new();
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    let account = "token: \"file:token.txt\", service_account: \"file:account.txt\", project_id: \"1\"";
    project.write("account.txt", "test-token:\n");
    project.write("driftless.yaml", yaml.replace("token: \"file:token.txt\"", account));
    project
}

/// Hidden events by user and time, without what every event has.
fn rows(project: &Project) -> Vec<Value> {
    let mut rows: Vec<Value> = project.events();
    rows.sort_by_key(|row| format!("{}{}", row["properties"]["distinct_id"], row["properties"]["time"]));
    rows
}

#[test]
fn rows_of_a_history_arrive_once_with_their_nulls() {
    let project = mixpanel().sync_yaml("plans", HISTORY);
    project.export("plans/1.csv", ROWS);
    project.run(&["plan"]).exits(4).says(&[
        "would send 4 history rows (each may be billed)",
        "documents no route for profile history",
        "column valid_to is not read",
        "column mrr holds no number",
    ]);
    project.sync().exits(4).counts(&[("counts/accepted", 4), ("counts/rejected", 1)]);
    let sent = rows(&project);
    assert_eq!(sent.len(), 4);
    let first = &sent[0]["properties"];
    assert_eq!(sent[0]["event"], "Plans");
    assert_eq!((&first["plan"], &first["mrr"], &first["active"]), (&json!("free"), &json!(0), &json!(false)));
    assert_eq!(first["$mp_updated_at"], "2026-01-01T00:00:00Z");
    let ended = sent[3]["properties"].as_object().unwrap();
    assert!(ended.contains_key("plan") && ended["plan"].is_null(), "{ended:?}");

    // An end time and another order change nothing; a corrected value takes the place of the old one.
    let corrected = ROWS.replace("user-1,2026-02-01,,pro,49.5", "user-1,2026-02-01,2026-09-01,pro,59");
    project.export("plans/1.csv", corrected.replace(",much,", ",1,").replace("2026-03-01,pro", "2026-03-02,pro"));
    project.sync().exits(0).counts(&[("counts/accepted", 2), ("counts/unchanged", 3)]);
    let sent = rows(&project);
    assert_eq!(sent.len(), 5);
    assert_eq!(sent[1]["properties"]["mrr"], json!(59));
}

#[test]
fn rows_of_groups_have_their_key() {
    let project = mixpanel().sync_yaml("plans", &HISTORY.replace("id: user\n", "id: user\n  group_key: company\n"));
    project.export("plans/1.csv", "user,valid_from,plan,mrr,active\nacme,2026-01-01,pro,1,true\n");
    project.sync().exits(0).counts(&[("counts/accepted", 1)]);
    assert_eq!(project.events()[0]["properties"]["company"], "acme");
    project.run(&["verify", "plans"]).exits(1).says(&["verify cannot read profile_history"]);
}

/// An answer to such a request counts what was taken and names nothing.
#[test]
fn a_row_that_was_not_taken_is_found_by_halves() {
    let short = MixpanelProject { retention_days: Some(3_650), ..MixpanelProject::open() };
    let project = Project::with_sandbox(SandboxConfig { projects: vec![short], ..SandboxConfig::local(0) });
    let project = project.sync_yaml("plans", HISTORY);
    let mut csv = "user,valid_from,plan,mrr,active\n".to_string();
    for n in 0..40 {
        csv += &format!("user-{n},{},pro,1,true\n", if n == 23 { "2001-01-01" } else { "2026-01-01" });
    }
    project.export("plans/1.csv", &csv);
    project.sync().exits(4).counts(&[("counts/accepted", 39), ("counts/rejected", 1)]);
    assert_eq!(project.events().len(), 39);
    project.run(&["failures", "plans"]).says(&["plans/1.csv", "row 24"]);
}

#[test]
fn properties_are_defined_before_they_are_sent() {
    let project = mixpanel().sync_yaml("plans", HISTORY);
    project.run(&["define", "plans"]).exits(0).says(&["defined as the history Plans", "mrr", "number"]);
    let grouped = HISTORY.replace("id: user\n", "id: user\n  group_key: company\n");
    let project = project.sync_yaml("companies", &grouped.replace("name: Plans", "name: Company plans"));
    project.run(&["define", "companies"]).exits(0);
    let unknown = grouped.replace("group_key: company", "group_key: planet");
    let project = project.sync_yaml("planets", &unknown);
    project.run(&["define", "planets"]).exits(1).says(&["no group key planet"]);
    let defined: Vec<Value> = serde_json::from_str(&project.get("/sandbox/definitions.json")).unwrap();
    assert_eq!(defined[0]["definition"], json!({ "name": "Plans", "isScd": true, "hidden": true }));
    let mrr = defined.iter().find(|d| d["definition"]["name"] == "$scd:mrr").unwrap();
    let event = defined.iter().find(|d| d["definition"]["name"] == "Company plans").unwrap();
    assert_eq!(mrr["definition"]["scdEvent"], event["id"]);
    assert_eq!(mrr["definition"]["dataGroupId"], "-7152939426483012903");
    project.sync_yaml("orders", "destination: product\nkind: events\nmode: append\nsource: { prefix: o/ }\nevents: { name: { value: B }, time: { column: at }, user_id: u }\n")
        .run(&["define", "orders"])
        .exits(2)
        .says(&["only profile_history is defined"]);
}
