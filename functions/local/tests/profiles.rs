//! Profiles of users and groups, through the real command to a sandbox and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use driftless_sandbox::faults::FaultPlan;
use serde_json::{Value, json};

const USERS: &str = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: users/, feed: snapshot, complete: each_file }
hold: { deletes_at_least: 1000 }
profiles:
  id: user
  properties: { $email: email }
  exclude: [internal]
";

const COMPANIES: &str = "\
destination: product
kind: group_profiles
mode: mirror
source: { prefix: companies/, feed: change, op: { column: op }, order: { column: lsn } }
profiles: { id: name, group_key: company }
";

fn users(project: &Project) -> Vec<(String, Value)> {
    project.profiles("")
}

#[test]
fn a_snapshot_of_users_is_set_cleared_and_deleted() {
    let project = Project::new().sync_yaml("users", USERS);
    project.export("users/all.csv", "user,email,plan,internal\nu1,a@x.org,pro,x\nu2,b@x.org,free,x\nu3,c@x.org,,x\n");
    project.run(&["plan"]).exits(0).says(&["would send 3 user profile updates (not billed)"]);
    project.sync().exits(0).counts(&[("plan/inserts", 3), ("plan/billable", 0), ("settled/events_sent", 3)]);
    assert_eq!(
        users(&project),
        [
            ("u1".into(), json!({"$email": "a@x.org", "plan": "pro"})),
            ("u2".into(), json!({"$email": "b@x.org", "plan": "free"})),
            ("u3".into(), json!({"$email": "c@x.org"})),
        ]
    );
    project.run(&["verify", "users"]).exits(0).says(&["3 rows in the exports, 3 equal at the destination"]);

    // u1 loses its plan, u2 is gone, u3 is as it was, u4 is new; what is excluded changes nothing.
    project.export("users/all.csv", "user,email,plan,internal\nu1,a@x.org,,y\nu3,c@x.org,,y\nu4,d@x.org,pro,y\n");
    let synced = project.sync().exits(0);
    let synced =
        synced.counts(&[("plan/inserts", 1), ("plan/updates", 1), ("plan/deletes", 1), ("plan/identity_changes", 0)]);
    assert_eq!(synced.sum("settled/events_sent"), 4, "an update that clears is two lines");
    assert_eq!(
        users(&project),
        [
            ("u1".into(), json!({"$email": "a@x.org"})),
            ("u3".into(), json!({"$email": "c@x.org"})),
            ("u4".into(), json!({"$email": "d@x.org", "plan": "pro"})),
        ]
    );

    // A column that is gone is cleared where it was; the others stay unsent.
    project.export("users/all.csv", "user,email\nu1,a@x.org\nu3,c@x.org\nu4,d@x.org\n");
    project.run(&["plan"]).exits(0).says(&["columns that are gone: internal, plan"]);
    project.sync().exits(0).counts(&[("plan/updates", 1), ("counts/unchanged", 2)]);
    assert_eq!(users(&project)[2], ("u4".into(), json!({"$email": "d@x.org"})));
    project.run(&["verify", "users"]).exits(0).says(&["3 equal at the destination, 0 missing or different, 0 surplus"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    project.run(&["plan"]).exits(0).never_says(&["columns that are gone", "the mapping"]);

    // Another mapping: the plan names it and how many rows it changes.
    project.write("syncs/users.yaml", USERS.replace("$email: email", "$phone: email"));
    project.export("users/all.csv", "user,email\nu1,a@x.org\nu3,c@x.org\nu4,d@x.org\n\n");
    project
        .run(&["plan"])
        .exits(0)
        .says(&["the mapping in syncs/users.yaml changed", "would send 6 user profile updates"]);
}

#[test]
fn a_change_feed_of_groups_is_followed() {
    let project = Project::new().sync_yaml("companies", COMPANIES);
    project.export(
        "companies/1.csv",
        "op,name,seats,lsn\nI,acme,3,1\nI,initech,5,2\nU,acme,4,3\nD,initech,,4\nI,hooli,9,5\n",
    );
    project.sync().exits(0).counts(&[("plan/inserts", 2), ("counts/coalesced", 2), ("counts/unchanged", 1)]);
    let groups = |project: &Project| project.profiles("company");
    assert_eq!(groups(&project), [("acme".into(), json!({"seats": 4})), ("hooli".into(), json!({"seats": 9}))]);
    project.export("companies/2.csv", "op,name,seats,lsn\nD,hooli,,6\nU,acme,5,7\n");
    project.sync().exits(0);
    assert_eq!(groups(&project), [("acme".into(), json!({"seats": 5}))]);
    project.run(&["verify", "companies"]).exits(1).says(&["verify cannot read group profiles"]);
}

#[test]
fn bad_rows_are_quarantined_and_lost_answers_do_no_harm() {
    let faults = FaultPlan { lost_answer: 0.3, rate_429: 0.2, seed: 7, ..FaultPlan::default() };
    let project = Project::with_faults(faults).sync_yaml("users", USERS);
    let rows: String = (0..5_000).map(|n| format!("u{n},{n}@x.org,pro,x\n")).collect();
    project.export("users/all.csv", format!("user,email,plan,internal\n{rows}null,n@x.org,pro,x\n,m@x.org,pro,x\n"));
    project.sync().exits(4).counts(&[("counts/rejected", 2), ("counts/accepted", 5_000)]);
    assert_eq!(users(&project).len(), 5_000);
    project
        .run(&["failures", "users"])
        .exits(4)
        .says(&["column user holds a placeholder", "column user is empty, so nothing names the row"]);
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let check = |name: &str, yaml: &str, says: &str| {
        let project = Project::new().sync_yaml(name, yaml);
        project.run(&["check"]).exits(2).says(&[says]);
    };
    check(
        "a",
        &USERS.replace("kind: user_profiles", "kind: group_profiles"),
        "profiles.group_key: kind group_profiles needs",
    );
    check(
        "b",
        &COMPANIES.replace("group_profiles", "user_profiles"),
        "profiles.group_key: belongs to kind group_profiles",
    );
    check("c", &USERS.replace("kind: user_profiles", "kind: events"), "events: kind events needs its mapping here");
    check(
        "d",
        &format!("{USERS}window: {{ from: 2025-01-01 }}\n"),
        "window: kind user_profiles has no time of its own",
    );
    check(
        "e",
        &USERS.replace("deletes_at_least: 1000", "billable_over: 1"),
        "hold.billable_over: kind user_profiles is not billed",
    );
}
