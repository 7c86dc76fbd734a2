//! Whether events and profiles speak of the same users is measured and shown in the plan.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fmt::Write as _;

use common::Project;
use serde_json::json;

const CLICKS: &str = "\
destination: product
kind: events
mode: append
source: { prefix: clicks/ }
events: { name: { value: Click }, time: { column: at }, user_id: user, device_id: device }
";

const PEOPLE: &str = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: people/, feed: snapshot }
profiles: { id: email }
";

/// 200 users click, and as many devices of nobody; 160 of the users, and 40 others, are in the table of people.
fn project() -> Project {
    let project = Project::new().sync_yaml("clicks", CLICKS).sync_yaml("people", PEOPLE);
    let mut clicks = "id,at,user,device\n".to_string();
    let mut people = "id,email\n".to_string();
    for n in 0..200 {
        writeln!(clicks, "{n},2026-11-01T10:00:00Z,user-{n},").unwrap();
        writeln!(clicks, "d{n},2026-11-01T10:00:00Z,,device-{n}").unwrap();
        writeln!(people, "user-{},someone-{n}@example.com", n + 40).unwrap();
    }
    project.export("clicks/1.csv", &clicks);
    project.export("people/1.csv", &people);
    project
}

#[test]
fn ids_that_are_not_the_same_are_seen_before_anything_is_sent() {
    let project = project();
    let apart = "only 0 of 200 users with events have a profile at the destination";
    project.run(&["plan"]).exits(0).says(&["users: 0 % of 200 users with events have a profile", apart]);
    // Alone, nothing is known of the other: a plan leaves no trace.
    project.run(&["plan", "people"]).exits(0).never_says(&["users with events"]);
    project.run(&["sync", "clicks"]).exits(0).never_says(&["users with events"]);
    project.run(&["plan", "people"]).exits(0).says(&[apart]);
}

#[test]
fn another_id_column_is_another_measure() {
    let project = project();
    project.sync();
    let project = project.sync_yaml("people", &PEOPLE.replace("id: email", "id: id"));
    let plan = project.run(&["plan", "people"]).says(&["users: 80 % of 200 users with events have a profile"]);
    plan.never_says(&["compare the id columns"]);
    let plan = project.run(&["plan", "people", "--json"]).json();
    assert_eq!(plan[0]["plans"][0]["users"], json!({ "users": 200, "with_profile": 160, "all": true }));
}
