//! The committed JSON Schemas are those of the types. `DRIFTLESS_BLESS=1` writes them anew.

use driftless_core::config::{project_schema, sync_schema};
use driftless_testkit::repository;

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
