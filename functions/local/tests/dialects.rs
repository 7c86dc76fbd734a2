//! Tables as their producers write them, found without being named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;

use common::{Project, csv_text, real_data};
use serde_json::{Value, json};

/// A mirror of profiles with this key.
fn profiles(id: &str) -> String {
    format!(
        "destination: product\nkind: user_profiles\nmode: mirror\nsource: {{ prefix: t/ }}\nhold: {{ deletes_at_least: 1000 }}\nprofiles: {{ id: {id} }}\n"
    )
}

fn shown(project: &Project) -> Vec<(String, Value)> {
    project.profiles("")
}

#[test]
fn fivetran_marks_deleted_rows_and_its_own_columns_are_not_sent() {
    let Some(path) = real_data("fivetran/amplitude/amplitude_event_type_data.csv") else { return };
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut records: Vec<Vec<String>> =
        reader.records().map(|record| record.unwrap().iter().map(String::from).collect()).collect();
    let column = |name: &str| header.iter().position(|n| n == name).unwrap();
    let (id, deleted, synced, name) =
        (column("id"), column("_fivetran_deleted"), column("_fivetran_synced"), column("name"));
    let text = |records: &[Vec<String>]| {
        csv_text(std::iter::once(header.iter().map(String::from).collect::<Vec<_>>()).chain(records.to_vec()))
    };

    let project = Project::new().sync_yaml("types", &profiles("id"));
    project.export("t/1.csv", text(&records));
    project.run(&["plan"]).exits(0).says(&["column _fivetran_deleted marks deleted rows"]);
    project.sync().exits(0);
    let expected = |records: &[Vec<String>]| {
        let live = records.iter().filter(|record| record[deleted] == "FALSE");
        let mut live: Vec<(String, String)> = live.map(|record| (record[id].clone(), record[name].clone())).collect();
        live.sort();
        live
    };
    let names = |project: &Project| -> Vec<(String, String)> {
        shown(project).into_iter().map(|(id, row)| (id, row["name"].as_str().unwrap().to_string())).collect()
    };
    assert_eq!(names(&project), expected(&records));
    assert!(
        shown(&project).iter().all(|(_, row)| row.as_object().unwrap().keys().all(|key| !key.starts_with("_fivetran")))
    );

    // Loaded again: every row has a new time of loading, one is renamed and one is gone.
    records.iter_mut().for_each(|record| record[synced] = "2030-01-01T00:00:00.000".into());
    records[0][name] = "renamed".into();
    records[1][deleted] = "TRUE".into();
    project.export("t/2.csv", text(&records));
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/deletes", 1)]);
    assert_eq!(names(&project), expected(&records));
    project.run(&["verify", "types"]).exits(0);
}

#[test]
fn a_snowflake_stream_pairs_a_delete_with_its_insert() {
    let project = Project::new().sync_yaml("s", &profiles("ID"));
    let header = "ID,PLAN,METADATA$ACTION,METADATA$ISUPDATE,METADATA$ROW_ID\n";
    project.export("t/data_0_0_0.csv", format!("{header}a,free,INSERT,false,r1\nb,free,INSERT,false,r2\n"));
    project.run(&["plan"]).exits(0).says(&["column METADATA$ACTION holds only insert, update and delete values"]);
    project.sync().exits(0);
    project.export(
        "t/data_0_0_1.csv",
        format!("{header}a,pro,INSERT,true,r1\na,free,DELETE,true,r1\nb,free,DELETE,false,r2\n"),
    );
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/deletes", 1), ("counts/coalesced", 1)]);
    assert_eq!(shown(&project), [("a".to_string(), json!({ "PLAN": "pro" }))]);
}

#[test]
fn bigquery_changes_are_ordered_by_their_time() {
    let project = Project::new().sync_yaml("s", &profiles("id"));
    let rows = [
        json!({"id": "a", "n": 1, "_CHANGE_TYPE": "INSERT", "_CHANGE_TIMESTAMP": "2025-01-01 00:00:01 UTC"}),
        json!({"id": "a", "n": 2, "_CHANGE_TYPE": "UPDATE", "_CHANGE_TIMESTAMP": "2025-01-01 00:00:03 UTC"}),
        json!({"id": "b", "n": 1, "_CHANGE_TYPE": "INSERT", "_CHANGE_TIMESTAMP": "2025-01-01 00:00:02 UTC"}),
        json!({"id": "b", "n": 1, "_CHANGE_TYPE": "DELETE", "_CHANGE_TIMESTAMP": "2025-01-01 00:00:04 UTC"}),
    ];
    project.export("t/000000000000.json", rows.iter().rev().map(|row| format!("{row}\n")).collect::<String>());
    project.sync().exits(0);
    assert_eq!(shown(&project), [("a".to_string(), json!({ "n": 2 }))]);
}

#[test]
fn flattened_debezium_airbyte_and_singer_mark_deletes() {
    for (mark, there, gone, order) in [
        ("__deleted", json!("false"), json!("true"), "__lsn"),
        ("_ab_cdc_deleted_at", Value::Null, json!("2025-01-02T00:00:00Z"), "_ab_cdc_lsn"),
        ("_sdc_deleted_at", Value::Null, json!("2025-01-02 00:00:00"), "_sdc_sequence"),
    ] {
        let project = Project::new().sync_yaml("s", &profiles("id"));
        let row = |id: &str, at: &Value, lsn: u64| format!("{}\n", json!({ "id": id, "n": 1, mark: at, order: lsn }));
        project.export("t/1.jsonl", row("a", &there, 1) + &row("b", &there, 2));
        project.sync().exits(0);
        // A late copy of the row as it was does not bring it back.
        project.export("t/2.jsonl", row("a", &gone, 3) + &row("a", &there, 1));
        project.sync().exits(0).counts(&[("plan/deletes", 1)]);
        assert_eq!(shown(&project), [("b".to_string(), json!({ "n": 1 }))], "{mark}");
    }
}

#[test]
fn partition_folders_are_columns_where_that_is_asked_for() {
    for (folder, is_text) in [("hive-partitioning-csv/simple", true), ("hive-partitioning-parquet/simple", false)] {
        let Some(path) = real_data(folder) else { return };
        let project = Project::new()
            .sync_yaml("t", &profiles("id").replace("prefix: t/", "prefix: t/, partitions: columns, feed: append"));
        let mut files = Vec::new();
        walk(&path, &mut files);
        files.retain(|file| file.extension().is_some_and(|ending| (ending == "csv") == is_text));
        let mut expected = Vec::new();
        for file in &files {
            let key = file.strip_prefix(&path).unwrap().to_str().unwrap();
            project.export(&format!("t/{key}"), fs::read(file).unwrap());
            let partitions = key.split('/').filter_map(|folder| folder.split_once('='));
            let partitions: Vec<(String, Value)> =
                partitions.map(|(name, value)| (name.to_string(), json!(value))).collect();
            if is_text {
                for record in csv::Reader::from_path(file).unwrap().records() {
                    let record = record.unwrap();
                    let mut row: serde_json::Map<String, Value> = partitions.iter().cloned().collect();
                    row.insert("value".into(), json!(&record[1]));
                    expected.push((record[0].to_string(), Value::Object(row)));
                }
            } else {
                expected.push((String::new(), json!(partitions)));
            }
        }
        project.sync().exits(0);
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        if is_text {
            assert_eq!(shown(&project), expected);
        } else {
            assert!(shown(&project).iter().all(|(_, row)| row["part"].is_string() && row["date"].is_string()));
            assert!(!shown(&project).is_empty());
        }
    }
}

fn walk(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
