//! Users who ask to be forgotten: nothing of them goes out any more, and the destinations are asked to delete them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use serde_json::{Value, json};

const EVENTS: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: orders/, feed: snapshot, complete: each_file }
hold: { deletes_at_least: 1000 }
events: { name: { value: Bought }, time: { column: at }, user_id: user, insert_id: id }
";

const USERS: &str = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: users/, feed: change, op: { column: op }, order: { column: lsn } }
profiles: { id: user }
";

fn mixpanel() -> Project {
    let project = Project::new().sync_yaml("orders", EVENTS).sync_yaml("users", USERS);
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    project.write(
        "driftless.yaml",
        yaml.replace("token: \"file:token.txt\"", "token: \"file:token.txt\", privacy_token: \"file:token.txt\""),
    );
    project.export(
        "orders/all.csv",
        "id,at,user,item\n1,2026-01-01,user-1,pen\n2,2026-01-01,user-2,ink\n3,2026-01-01,user-2,cup\n",
    );
    project.export("users/1.csv", "op,user,plan,lsn\nI,user-1,pro,1\nI,user-2,free,2\n");
    project
}

#[test]
fn a_user_is_suppressed_deleted_and_stays_away() {
    let project = mixpanel();
    project.sync().exits(0);
    project.write("gone.txt", "user-2\n\n");
    let list = project.path("gone.txt");
    project.run(&["forget", "--file", list.to_str().unwrap()]).exits(0).says(&[
        "1 user suppressed: nothing of them is sent",
        "PENDING",
        "1 not done yet",
        "delete the users in the warehouse",
    ]);
    project.post("/sandbox/delete-all", &json!({}));
    project.run(&["forget"]).exits(0).says(&["SUCCESS"]).never_says(&["not done yet"]);
    assert_eq!(project.events().len(), 1);

    // The warehouse still has the rows; changed, new and gone ones come along, and nothing of the user is sent, not even
    // a delete.
    project.export(
        "orders/all.csv",
        "id,at,user,item\n1,2026-01-01,user-1,nib\n2,2026-01-01,user-2,oil\n4,2026-01-01,user-2,new\n",
    );
    project.export("users/2.csv", "op,user,plan,lsn\nU,user-2,pro,3\nU,user-1,free,4\nD,user-2,pro,5\n");
    project.sync().exits(0);
    assert_eq!(project.events().len(), 1);
    assert!(project.tombstones().is_empty());
    let users: Vec<String> = project.profiles("").into_iter().map(|(id, _)| id).collect();
    assert_eq!(users, ["user-1"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);

    // Asked again nothing new is filed.
    let again = project.run(&["forget", "user-2", "--json"]).exits(0).json();
    assert_eq!(again["requests"].as_array().unwrap().len(), 1);
}

#[test]
fn a_run_that_may_still_send_ends_first() {
    let project = mixpanel();
    project.write(
        "syncs/orders.yaml",
        format!("{EVENTS}  # small\n").replace("deletes_at_least: 1000", "billable_over: 1"),
    );
    project.sync().exits(3);
    project.run(&["forget", "user-2"]).exits(1).says(&["may still send of them", "run 1 of orders was"]);
    project.run(&["reject", "orders"]).exits(0);
    project.run(&["forget", "user-2"]).exits(0).says(&["PENDING"]);
}

#[test]
fn amplitude_is_asked_by_its_own_route() {
    let append = EVENTS
        .replace("mode: mirror", "mode: append")
        .replace("source: { prefix: orders/, feed: snapshot, complete: each_file }", "source: { prefix: orders/ }");
    let project = Project::new().for_amplitude().sync_yaml("orders", &append);
    project.export("orders/1.csv", "id,at,user,item\n1,2026-01-01,user-1,pen\n2,2026-01-01,user-2,ink\n");
    project.sync().exits(0);
    project.run(&["forget", "user-2", "nobody-there"]).exits(0).says(&["Staging"]);
    project.post("/sandbox/delete-all", &json!({}));
    project.run(&["forget"]).exits(0).says(&["Done"]);
    let users = |project: &Project| -> Vec<Value> {
        project.amplitude()["events"].as_array().unwrap().iter().map(|event| event["user_id"].clone()).collect()
    };
    assert_eq!(users(&project), ["user-1"]);
    project.export("orders/2.csv", "id,at,user,item\n3,2026-01-01,user-2,cup\n4,2026-01-01,user-1,tea\n");
    project.sync().exits(0).counts(&[("counts/filtered", 1), ("counts/accepted", 1)]);
    assert_eq!(users(&project), ["user-1", "user-1"]);
}

#[test]
fn without_the_right_secret_nothing_is_asked() {
    let project = mixpanel();
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    project.write("driftless.yaml", yaml.replace(", privacy_token: \"file:token.txt\"", ""));
    project
        .run(&["forget", "user-2"])
        .exits(1)
        .says(&["needs privacy_token and token to delete users", "1 user suppressed already: nothing of them is sent"]);
}
