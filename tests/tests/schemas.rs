//! The committed JSON Schemas are those of the types, and the API describes what it says. `DRIFTLESS_BLESS=1` writes them anew.

use std::collections::BTreeSet;

use driftless_core::config::{project_schema, sync_schema};
use driftless_core::model::HoldReason;
use driftless_testkit::repository;
use serde_json::{Value, json};

#[test]
fn committed_schemas_are_current() {
    for (file, schema) in [("project", project_schema()), ("sync", sync_schema())] {
        let path = repository().join(format!("infra/schemas/{file}.schema.json"));
        let current = format!("{}\n", serde_json::to_string_pretty(&schema).expect("a schema"));
        if std::env::var_os("DRIFTLESS_BLESS").is_some() {
            std::fs::write(&path, &current).expect("the schema folder is there");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == current, "{} is not current; run with DRIFTLESS_BLESS=1", path.display());
    }
}

/// Serde names every variant when it is given none of them.
#[test]
fn the_api_describes_every_reason_to_hold() {
    let unknown = serde_json::from_value::<HoldReason>(json!({ "guard": "" })).expect_err("no guard").to_string();
    let guards: BTreeSet<String> = unknown.split('`').skip(3).step_by(2).map(String::from).collect();
    let text = std::fs::read_to_string(repository().join("infra/openapi.yaml")).expect("the API's description");
    let api: Value = serde_saphyr::from_str(&text).expect("YAML");
    let mapping = api["components"]["schemas"]["HoldReason"]["discriminator"]["mapping"].as_object();
    let described: BTreeSet<String> = mapping.expect("a mapping").keys().cloned().collect();
    assert!(guards.contains("billable_over"), "{unknown}");
    assert_eq!(described, guards);
}
