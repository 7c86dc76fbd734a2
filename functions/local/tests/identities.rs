//! Projects with Original ID merge are told which device is whose; those with Simplified ID merge are not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use driftless_sandbox::mixpanel::auth::{IdMerge, Project as MixpanelProject};
use driftless_sandbox::server::SandboxConfig;
use serde_json::{Value, json};

/// What `init --from amplitude` writes, to a sandbox that joins ids like this.
fn project(id_merge: IdMerge) -> Project {
    let projects = vec![MixpanelProject { id_merge, ..MixpanelProject::open() }];
    let project = Project::with_sandbox(SandboxConfig { projects, ..SandboxConfig::local(0) });
    std::fs::remove_file(project.path("driftless.yaml")).unwrap();
    project
        .run(&["init", "--from", "amplitude", "--id-merge", "original"])
        .exits(0)
        .says(&["amplitude_identities.yaml"]);
    for sync in ["amplitude_users", "amplitude_companies"] {
        std::fs::remove_file(project.path(&format!("syncs/{sync}.yaml"))).unwrap();
    }
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    assert!(yaml.contains("\n    id_merge: original "), "{yaml}");
    project.write("account.txt", "user:secret\n");
    let account = yaml
        .replace("env:MIXPANEL_SERVICE_ACCOUNT", "file:account.txt")
        .replace("env:MIXPANEL_TOKEN", "file:token.txt");
    project.write("driftless.yaml", format!("{account}\n    url: \"{}\"\n", project.url()));
    project
}

fn row(n: u32, user: Option<&str>, device: Option<&str>) -> Value {
    json!({
        "uuid": format!("0000-{n}"), "$insert_id": format!("event-{n}"), "event_type": "Opened",
        "event_time": "2026-11-01 10:00:00.000000", "user_id": user, "device_id": device, "event_properties": { "n": n },
    })
}

fn export(project: &Project, name: &str, rows: &[Value]) {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    project.export(&format!("amplitude/{name}.json"), text);
}

fn first_rows() -> Vec<Value> {
    let mut rows = vec![row(0, None, Some("d1")), row(1, None, Some("d9")), row(2, Some("u4"), None)];
    for n in 3..30 {
        let (user, device) = [("u1", "d1"), ("u1", "d2"), ("u2", "d3")][n as usize % 3];
        rows.push(row(n, Some(user), Some(device)));
    }
    rows
}

#[test]
fn each_pair_of_ids_is_joined_once() {
    let project = project(IdMerge::Original);
    export(&project, "1", &first_rows());
    project.run(&["plan", "amplitude_identities"]).exits(0).says(&["would send 3 id merges", "\"$merge\""]);
    project.run(&["sync"]).exits(0).says(&["amplitude_identities: 3 id merges sent"]);
    let clusters = || -> Value { serde_json::from_str(&project.get("/sandbox/identities.json")).unwrap() };
    assert_eq!(clusters(), json!({ "d1": ["d1", "d2", "u1"], "d3": ["d3", "u2"] }));
    // What an anonymous device did is the user's, and the device has no prefix that such a project does not know.
    let ids: Vec<String> =
        project.events().iter().map(|event| event["properties"]["distinct_id"].as_str().unwrap().to_string()).collect();
    assert!(ids.iter().all(|id| ["d1", "d3", "d9", "u4"].contains(&id.as_str())), "{ids:?}");
    // The export gives joined ids; what was sent is compared all the same.
    project.run(&["verify", "amplitude_events"]).exits(0).says(&["30 equal", "0 missing or different", "0 surplus"]);
    project.run(&["verify", "amplitude_identities"]).exits(1).says(&["does not show which ids were merged"]);
    export(&project, "2", &[row(40, Some("u1"), Some("d1")), row(41, Some("u4"), Some("d9"))]);
    project.run(&["sync"]).exits(0).says(&["amplitude_identities: 1 id merge sent"]);
    assert_eq!(clusters()["d9"], json!(["d9", "u4"]));
}

#[test]
fn what_cannot_be_joined_is_told() {
    let project = project(IdMerge::Original);
    export(
        &project,
        "1",
        &[row(1, Some("u1"), Some("u1")), row(2, Some("u1"), Some("null")), row(3, Some("u1"), Some("d1"))],
    );
    project.run(&["sync", "amplitude_identities"]).exits(4).says(&[
        "columns user_id and device_id hold the same id",
        "column device_id holds a placeholder that Mixpanel refuses as an id",
        "1 id merge sent",
    ]);
}

#[test]
fn a_forgotten_user_is_not_joined_again() {
    let project = project(IdMerge::Original);
    export(&project, "1", &first_rows());
    project.write("driftless.yaml", {
        let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
        format!("{yaml}    privacy_token: file:token.txt\n")
    });
    project.run(&["forget", "u1"]).exits(0);
    project.run(&["sync", "amplitude_identities"]).exits(0).says(&["1 id merge sent"]);
    assert_eq!(project.get("/sandbox/identities.json"), "{\"d3\":[\"d3\",\"u2\"]}");
}

#[test]
fn projects_that_join_by_themselves_are_not_told() {
    let project = project(IdMerge::Simplified);
    export(&project, "1", &first_rows());
    // The file says original, and the project is not.
    project.run(&["sync", "amplitude_identities"]).exits(1).says(&["id_merge"]);
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    project.write("driftless.yaml", yaml.replace("id_merge: original", "id_merge: simplified"));
    project.run(&["check"]).exits(2).says(&[
        "syncs/amplitude_identities.yaml",
        "a project with Simplified ID merge joins ids by events that have both",
    ]);
    project.write("driftless.yaml", yaml.replace("service_account: file:account.txt", ""));
    project.run(&["check"]).exits(2).says(&["kind identities needs destinations.product.service_account"]);
}
