//! Change logs that nobody here wrote, as profiles: found without being named, and followed to the state that a plain
//! replay of their records gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use common::{Project, real_data};
use serde_json::{Map, Value};

const PRODUCTS: &str = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: log/ }
hold: { deletes_at_least: 1000 }
profiles: { id: id }
";

/// A log's files in order of their names.
fn files(folder: &str) -> Option<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(real_data(folder)?).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    Some(files)
}

/// A record as operation and row, read without any code of the product.
fn change(record: &Value) -> (String, Map<String, Value>) {
    let record = record.get("payload").unwrap_or(record);
    let op = [&record["op"], &record["type"], &record["metadata"]["operation"]].into_iter().find_map(Value::as_str);
    let is_delete = matches!(op.unwrap(), "d" | "delete");
    let row = record.get("data").unwrap_or(if is_delete { &record["before"] } else { &record["after"] });
    let mut row = row.as_object().unwrap().clone();
    row.retain(|name, _| !name.starts_with("BI_"));
    (if is_delete { "delete" } else { "set" }.to_string(), row)
}

/// What is left when the records are applied one after the other.
fn replayed(files: &[PathBuf]) -> BTreeMap<String, Map<String, Value>> {
    let mut rows = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for record in text.lines().filter(|line| !line.trim().is_empty()) {
            let (op, mut row) = change(&serde_json::from_str(record).unwrap());
            let id = row.remove("id").unwrap().to_string();
            row.retain(|_, value| !value.is_null());
            match op.as_str() {
                "delete" => drop(rows.remove(&id)),
                _ => drop(rows.insert(id, row)),
            }
        }
    }
    rows
}

/// Runs a log through the product, all at once and file by file; it must say what it found.
fn follows(folder: &str, says: &str) {
    let Some(files) = files(folder) else { return };
    let expected = replayed(&files);
    assert!(!expected.is_empty());
    for at_once in [true, false] {
        let project = Project::new().sync_yaml("products", PRODUCTS);
        for (n, file) in files.iter().enumerate() {
            project.export(&format!("log/{:04}.jsonl", n + 1), fs::read(file).unwrap());
            if n == 0 {
                project
                    .run(&["plan"])
                    .exits(0)
                    .says(&[says, "column __op holds only insert, update and delete values"]);
            }
            if !at_once {
                project.sync().exits(0);
            }
        }
        project.sync().exits(0);
        let shown: BTreeMap<String, Map<String, Value>> =
            project.profiles("").into_iter().map(|(id, row)| (id, row.as_object().unwrap().clone())).collect();
        assert_eq!(shown, expected, "{folder}, at once: {at_once}");
        project.run(&["verify", "products"]).exits(0);
    }
}

#[test]
fn debezium() {
    for folder in ["schemaevolution", "startupmode", "nullvalue", "schema/schemaevolution"] {
        follows(
            &format!("cdc-debezium/{folder}"),
            "the exports are Debezium change events (before, after, source, op)",
        );
    }
}

#[test]
fn maxwell() {
    for folder in ["schemaevolution", "startupmode", "watermark"] {
        follows(&format!("cdc-maxwell/{folder}"), "the exports are Maxwell messages");
    }
}

#[test]
fn dms_messages() {
    for folder in ["schemaevolution", "startupmode", "watermark"] {
        follows(&format!("cdc-dms-json/{folder}"), "the exports are AWS DMS messages");
    }
}

#[test]
fn a_log_orders_by_its_own_position_and_names_what_it_cannot_follow() {
    let record = |op: &str, id: u32, name: &str, lsn: u64| {
        let row = serde_json::json!({ "id": id, "name": name });
        let (before, after) = if op == "d" { (row, Value::Null) } else { (Value::Null, row) };
        serde_json::json!({ "before": before, "after": after, "op": op, "source": { "lsn": lsn }, "ts_ms": 1 })
            .to_string()
    };
    let project = Project::new().sync_yaml("products", PRODUCTS);
    let lines = [record("c", 1, "a", 10), record("u", 1, "b", 12), record("c", 2, "x", 11)];
    project.export("log/1.jsonl", lines.join("\n"));
    project.sync().exits(0);
    // An older change comes late, and the table is truncated; a large value that was not changed is not in the log.
    let toast = record("u", 2, "__debezium_unavailable_value", 15);
    let lines = [
        record("u", 1, "late", 11),
        record("d", 1, "b", 9),
        toast,
        record("t", 0, "", 16).replace("\"after\":{\"id\":0,\"name\":\"\"}", "\"after\":null"),
    ];
    project.export("log/2.jsonl", lines.join("\n"));
    project.sync().exits(4);
    let names: Vec<Value> = project.profiles("").into_iter().map(|(_, row)| row["name"].clone()).collect();
    assert_eq!(names, ["b", "x"]);
    project
        .run(&["failures", "products"])
        .exits(4)
        .says(&["set REPLICA IDENTITY FULL", "the table was truncated at the source"]);
}

#[test]
fn ordinary_columns_of_such_names_stay_what_they_are() {
    let yaml = PRODUCTS.replace("prefix: log/", "prefix: log/, feed: append");
    let project = Project::new().sync_yaml("products", &yaml);
    project.export("log/1.jsonl", "{\"id\":\"a\",\"op\":\"sale\",\"after\":{\"x\":1},\"source\":\"shop\"}\n");
    project.sync().exits(0);
    assert_eq!(project.profiles("")[0].1["op"], "sale");
}

/// A record of each producer: a row comes, or its id changes from 1 to 2.
fn moved(producer: &str, is_update: bool) -> Value {
    let at = if is_update { 2 } else { 1 };
    let row = serde_json::json!({ "id": at, "name": "a" });
    let old = serde_json::json!({ "id": 1, "name": "a" });
    let of = |yes: Value| if is_update { yes } else { Value::Null };
    let pick = |update: &str, insert: &str| if is_update { update.to_string() } else { insert.to_string() };
    match producer {
        "maxwell" => serde_json::json!({
            "database": "shop", "table": "t", "type": pick("update", "insert"), "ts": at, "xid": at, "data": row,
            "old": of(serde_json::json!({ "id": 1 })),
        }),
        "golden_gate" => serde_json::json!({
            "table": "T", "op_type": pick("U", "I"), "pos": format!("{at:020}"), "before": of(old), "after": row,
        }),
        "canal" => serde_json::json!({
            "data": [{ "id": at.to_string(), "name": "a" }], "type": pick("UPDATE", "INSERT"), "isDdl": false, "es": at,
            "ts": at, "id": at, "old": of(serde_json::json!([{ "id": "1" }])),
        }),
        "debezium" => serde_json::json!({
            "before": of(old), "after": row, "op": pick("u", "c"), "source": { "lsn": at }, "ts_ms": at,
        }),
        _ => {
            let mut data = row;
            if is_update {
                data["BI_id"] = serde_json::json!(1);
            }
            let time = format!("2026-01-01T00:00:0{at}Z");
            serde_json::json!({ "data": data, "metadata": {
                "timestamp": time, "record-type": "data", "operation": pick("update", "insert"), "commit-timestamp": time,
            } })
        }
    }
}

#[test]
fn an_update_of_the_key_takes_the_old_row_away() {
    for producer in ["maxwell", "golden_gate", "canal", "debezium", "dms"] {
        for at_once in [true, false] {
            let project = Project::new().sync_yaml("products", PRODUCTS);
            let other = moved(producer, false)
                .to_string()
                .replace(":1,\"name", ":3,\"name")
                .replace("\"1\",\"name", "\"3\",\"name");
            project.export("log/1.jsonl", format!("{}\n{other}\n", moved(producer, false)));
            if !at_once {
                project.sync().exits(0);
            }
            project.export("log/2.jsonl", format!("{}\n", moved(producer, true)));
            project.sync().exits(0);
            let ids: Vec<String> = project.profiles("").into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids, ["2", "3"], "{producer}, at once: {at_once}");
            project.run(&["verify", "products"]).exits(0);
        }
    }
}
