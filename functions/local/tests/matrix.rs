//! What works where: each kind in each mode to each destination, tried with real rows, and as the README's table says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use driftless_sandbox::mixpanel::auth::{IdMerge, Project as MixpanelProject};
use driftless_sandbox::server::SandboxConfig;
use driftless_testkit::repository;

const KINDS: [(&str, &str); 7] = [
    ("events", "events: { name: { value: Bought }, time: { column: at }, user_id: id, insert_id: id }"),
    ("user_profiles", "profiles: { id: id }"),
    ("user_profiles as profiles", "profiles: { id: id, amplitude: profiles }"),
    ("group_profiles", "profiles: { id: id, group_key: company }"),
    (
        "profile_history",
        "profile_history: { experimental: true, name: Plans, id: id, start_time: { column: at }, properties: { plan: { column: plan, type: string } } }",
    ),
    ("lookup_table", "lookup_table: { id: table, key: id }"),
    ("identities", "identities: { user_id: id, device_id: plan }"),
];
const MODES: [&str; 4] = ["mirror", "append", "full", "one_time"];

/// Checks and runs a sync of two rows: the cell of the table.
fn cell(is_amplitude: bool, kind: &str, mapping: &str, mode: &str) -> String {
    let name = kind.split(' ').next().unwrap();
    let snapshot = matches!(mode, "mirror" | "full");
    let source = if snapshot { "{ prefix: t/, feed: snapshot, complete: each_file }" } else { "{ prefix: t/ }" };
    let source = if name == "lookup_table" { "{ prefix: t/, complete: each_file }" } else { source };
    let yaml = format!("destination: product\nkind: {name}\nmode: {mode}\nsource: {source}\n{mapping}\n");
    let id_merge = if name == "identities" { IdMerge::Original } else { IdMerge::Simplified };
    let projects = vec![MixpanelProject { id_merge, ..MixpanelProject::open() }];
    let project = Project::with_sandbox(SandboxConfig { projects, ..SandboxConfig::local(0) });
    let project = if is_amplitude { project.for_amplitude() } else { project };
    if !is_amplitude {
        let config = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
        let account = "token: \"file:token.txt\", service_account: \"file:account.txt\", project_id: \"1\"";
        let account = match id_merge {
            IdMerge::Simplified => account.to_string(),
            IdMerge::Original => format!("{account}, id_merge: original"),
        };
        project.write("account.txt", "test-token:\n");
        project.write("driftless.yaml", config.replace("token: \"file:token.txt\"", &account));
    }
    let project = project.sync_yaml("t", &yaml);
    project.export("t/1.csv", "id,at,plan\nuser-1,2026-01-01,pro\nuser-2,2026-01-01,free\n");
    let checked = project.run(&["check"]);
    if checked.code == 2 {
        assert!(checked.err.contains("error: syncs/t.yaml: "), "{checked}");
        return "refused".to_string();
    }
    assert_eq!(checked.code, 0, "{checked}");
    project.sync().exits(0).counts(&[("counts/accepted", 2), ("counts/rejected", 0)]);
    let files = if is_amplitude { project.amplitude()["files"]["files"].as_u64().unwrap() } else { 0 };
    if name == "profile_history" {
        let without = yaml.replace("experimental: true, ", "");
        project.sync_yaml("t", &without).run(&["check"]).exits(2).says(&["profile_history.experimental"]);
        return "experimental".to_string();
    }
    if files > 0 { "works, as mutation files".to_string() } else { "works".to_string() }
}

#[test]
fn the_readme_says_what_works() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let mut wrong = Vec::new();
    for (kind, mapping) in KINDS {
        for (vendor, is_amplitude) in [("Mixpanel", false), ("Amplitude", true)] {
            let cells: Vec<String> = MODES.iter().map(|mode| cell(is_amplitude, kind, mapping, mode)).collect();
            let line = format!("| `{}` | {vendor} | {} |", kind.replace(" as ", "` as `"), cells.join(" | "));
            if !readme.contains(&line) {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "the README says something else than:\n{}", wrong.join("\n"));
}
