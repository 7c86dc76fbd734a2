//! Tables as their producers write them, found without being named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
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

#[test]
fn dms_changes_follow_their_full_load() {
    let Some(folder) = real_data("dms-csv/Customer") else { return };
    let (load, first, second) = (
        folder.join("Full/Customers_FullLog.csv"),
        folder.join("CDC/2019/01/01/Customer_CDC_Log_File.csv"),
        folder.join("CDC/2019/01/02/Customer_CDC_log_file.csv"),
    );
    // The state, worked out without the product.
    let mut customers: BTreeMap<String, Value> = BTreeMap::new();
    for (file, skip) in [(&load, 0), (&first, 1), (&second, 1)] {
        let text = std::fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("CustomerID")) {
            let fields: Vec<&str> = line.split(',').skip(skip).collect();
            customers.insert(fields[0].to_string(), json!({ "Email": fields[1], "LCLid": fields[2] }));
        }
    }
    let changed = customers.values().filter(|c| c["Email"].as_str().unwrap().ends_with("@octank.com")).count();
    assert_eq!((customers.len(), changed), (500, 248));
    let expected: Vec<(String, Value)> = customers.into_iter().collect();

    // All at once: the change files have no header, one column more, and names that sort before the full load.
    let project = Project::new().sync_yaml("customers", &profiles("CustomerID").replace("t/", "Customer/"));
    let put = |project: &Project, file: &std::path::Path| {
        let key = format!("Customer/{}", file.strip_prefix(&folder).unwrap().display());
        project.export(&key, std::fs::read(file).unwrap());
    };
    for file in [&load, &first, &second] {
        put(&project, file);
    }
    project.run(&["plan"]).exits(0).says(&["read as change feed", "column Op holds only insert, update and delete"]);
    project.sync().exits(0).counts(&[("counts/rejected", 0), ("counts/coalesced", 248)]);
    assert_eq!(shown(&project), expected);
    project.run(&["verify", "customers"]).exits(0).says(&["500 equal at the destination"]);

    // One after the other, a later day first.
    let yaml = profiles("CustomerID").replace("prefix: t/", "prefix: Customer/, feed: change");
    let project = Project::new().sync_yaml("customers", &yaml);
    for file in [&load, &second, &first] {
        put(&project, file);
        project.sync().exits(0);
    }
    assert_eq!(shown(&project), expected);
}

#[test]
fn dms_without_any_header_is_named_by_its_columns() {
    let yaml = profiles("id").replace("prefix: t/", "prefix: t/, feed: change, csv: { columns: [id, name, city] }");
    let project = Project::new().sync_yaml("customers", &yaml);
    project.export("t/LOAD00000001.csv", "1,Ada,Ulm\n2,Bob,NULL\n3,Cyd,Bonn\n");
    project.sync().exits(0).counts(&[("plan/inserts", 3)]);
    // Order in a file is the order of changes.
    project.export(
        "t/20260101-100000000.csv",
        "U,1,Ada,Köln\nD,2,Bob,NULL\nI,4,Dee,Rom\nU,4,Dee,Oslo\nD,3,Cyd,Bonn\nI,3,Cyd,Paris\n",
    );
    project.sync().exits(0).counts(&[("counts/rejected", 0)]);
    assert_eq!(
        shown(&project),
        [
            ("1".into(), json!({ "name": "Ada", "city": "Köln" })),
            ("3".into(), json!({ "name": "Cyd", "city": "Paris" })),
            ("4".into(), json!({ "name": "Dee", "city": "Oslo" })),
        ]
    );
    // A replayed load says nothing new.
    project.export("t/LOAD00000002.csv", "1,Ada,Ulm\n2,Bob,NULL\n");
    project.sync().exits(0);
    assert_eq!(shown(&project).len(), 3);
}

#[test]
fn canal_messages_hold_several_rows() {
    let project = Project::new().sync_yaml("customers", &profiles("id"));
    project.export(
        "t/1.json",
        concat!(
            r#"{"data":[{"id":"1","name":"Ada"},{"id":"2","name":"Bob"},{"id":"3","name":"Cyd"}],"old":null,"type":"INSERT","es":1000,"ts":1001,"id":1,"isDdl":false,"pkNames":["id"]}"#,
            "\n",
            r#"{"data":null,"type":"ALTER","es":1500,"ts":1501,"id":2,"isDdl":true,"sql":"ALTER TABLE"}"#,
            "\n",
            r#"{"data":[{"id":"1","name":"Eve"},{"id":"3","name":"Cyn"}],"old":[{"name":"Ada"}],"type":"UPDATE","es":2000,"ts":2001,"id":3,"isDdl":false,"pkNames":["id"]}"#,
            "\n",
            r#"{"data":[{"id":"2","name":"Bob"}],"type":"DELETE","es":3000,"ts":3001,"id":4,"isDdl":false,"pkNames":["id"]}"#,
            "\n",
        ),
    );
    project.sync().exits(0).counts(&[("counts/read", 6), ("plan/inserts", 2)]);
    assert_eq!(shown(&project), [("1".into(), json!({ "name": "Eve" })), ("3".into(), json!({ "name": "Cyn" }))]);
}

/// The live rows of a Delta table by one of their columns, read without the product: the log's files, their rows, and the
/// partitions of the log.
fn delta_rows(table: &std::path::Path, key: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    let mut log = Vec::new();
    walk(&table.join("_delta_log"), &mut log);
    log.sort();
    for commit in log.iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        for line in fs::read_to_string(commit).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["remove"]["path"].as_str() {
                files.remove(path);
            }
            if let Some(path) = action["add"]["path"].as_str() {
                files.insert(path.to_string(), action["add"]["partitionValues"].clone());
            }
        }
    }
    let mut rows = BTreeMap::new();
    for (path, partitions) in files {
        let reader = SerializedFileReader::new(fs::File::open(table.join(path)).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let mut fields: BTreeMap<String, String> = row
                .get_column_iter()
                .filter(|(name, _)| *name != "_change_type")
                .map(|(name, field)| (name.clone(), field.to_string().trim_matches('"').to_string()))
                .filter(|(_, text)| text != "null")
                .collect();
            for (name, value) in partitions.as_object().unwrap() {
                fields.insert(name.clone(), value.as_str().unwrap_or_default().to_string());
            }
            let id = fields.remove(key).unwrap();
            assert!(rows.insert(id, fields).is_none(), "{key} names two rows");
        }
    }
    rows
}

#[test]
fn a_delta_table_is_read_by_its_log() {
    for (name, key, live) in [("cdf-table", "id", 9), ("delta-0.8.0-partitioned", "value", 7)] {
        let Some(table) = real_data(&format!("delta/{name}")) else { return };
        let project = Project::new().sync_yaml("t", &profiles(key));
        let mut files = Vec::new();
        walk(&table, &mut files);
        for file in files {
            let export = format!("t/{}", file.strip_prefix(&table).unwrap().display());
            project.export(&export, fs::read(&file).unwrap());
        }
        project.run(&["plan"]).exits(0).says(&["read as snapshot feed"]).never_says(&["nothing proves"]);
        project.sync().exits(0);
        let shown: BTreeMap<String, BTreeMap<String, String>> = shown(&project)
            .into_iter()
            .map(|(id, properties)| {
                let text = |value: &Value| value.as_str().map_or(value.to_string(), String::from);
                (id, properties.as_object().unwrap().iter().map(|(n, v)| (n.clone(), text(v))).collect())
            })
            .collect();
        let expected = delta_rows(&table, key);
        assert_eq!(expected.len(), live, "{name}");
        assert_eq!(shown, expected, "{name}");
        project.run(&["verify", "t"]).exits(0);
        project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    }
}

#[test]
fn a_delta_table_follows_its_commits() {
    let Some(table) = real_data("delta/cdf-table") else { return };
    let project = Project::new().sync_yaml("t", &profiles("id"));
    let mut files = Vec::new();
    walk(&table, &mut files);
    files.sort();
    let (log, data): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.to_string_lossy().contains("_delta_log"));
    let put = |file: &std::path::Path| {
        project.export(&format!("t/{}", file.strip_prefix(&table).unwrap().display()), fs::read(file).unwrap());
    };
    data.iter().for_each(|file| put(file));
    let mut live = Vec::new();
    for commit in log.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
        put(commit);
        project.sync().exits(0);
        live.push(shown(&project).len());
    }
    assert_eq!(live.first(), Some(&10));
    assert_eq!(shown(&project).len(), delta_rows(&table, "id").len());
    // A version that is not there, and a mode that would read what left the table.
    fs::remove_file(project.path("exports/t/_delta_log/00000000000000000001.json")).unwrap();
    project.run(&["sync"]).exits(1).says(&["has no version 1"]);
    let append = profiles("id").replace("mode: mirror", "mode: append");
    let project = Project::new().sync_yaml("t", &append);
    project.export("t/_delta_log/00000000000000000000.json", "{}\n");
    project.export("t/a.csv", "id\n1\n");
    project.run(&["sync"]).exits(1).says(&["is a Delta table, which is read as a snapshot by its log"]);
}

/// Tabs, `\N` for null, a backslash before what would end a field.
#[test]
fn copy_of_postgres_writes_text() {
    let sync = profiles("id").replace("prefix: t/", "prefix: t/, csv: { columns: [id, name, note, text] }");
    let project = Project::new().sync_yaml("users", &sync);
    project.export("t/1.tsv", "1\tAda\\tL\t\\N\tline\\nbreak\n2\tBob\\\\x\tx\ty\n");
    project.sync().exits(0);
    let expected = [
        ("1".to_string(), json!({ "name": "Ada\tL", "text": "line\nbreak" })),
        ("2".to_string(), json!({ "name": "Bob\\x", "note": "x", "text": "y" })),
    ];
    assert_eq!(shown(&project), expected);
}

/// Every state of each row is there: the current one counts, and a row without one is gone. Loaded whole again, then only
/// what changed.
#[test]
fn of_a_history_the_current_state_counts() {
    let never = "9999-12-31T23:59:59Z";
    let fivetran = |rows: &[(&str, &str, u32, bool)]| {
        let line = |(id, plan, start, active): &(&str, &str, u32, bool)| {
            let end = if *active { never.to_string() } else { format!("2026-01-{:02}T00:00:00Z", start + 1) };
            // Loaded all at once: when a row was loaded says nothing of its order.
            format!("{id},{plan},{active},2026-01-{start:02}T00:00:00Z,{end},2026-02-01T00:00:00Z\n")
        };
        let header = "id,plan,_fivetran_active,_fivetran_start,_fivetran_end,_fivetran_synced\n";
        format!("{header}{}", rows.iter().map(line).collect::<String>())
    };
    let dbt = |rows: &[(&str, &str, u32, bool)]| {
        let line = |(id, plan, start, active): &(&str, &str, u32, bool)| {
            let end = if *active { String::new() } else { format!("2026-01-{:02} 00:00:00", start + 1) };
            format!("{id}-{start},{id},{plan},2026-01-{start:02} 00:00:00,2026-01-{start:02} 00:00:00,{end}\n")
        };
        let header = "dbt_scd_id,id,plan,dbt_updated_at,dbt_valid_from,dbt_valid_to\n";
        format!("{header}{}", rows.iter().map(line).collect::<String>())
    };
    let first = [("a", "free", 1, true), ("b", "free", 1, true), ("c", "pro", 4, true), ("c", "trial", 2, false)];
    let again = [
        ("a", "pro", 6, true),
        ("a", "free", 1, false),
        ("b", "free", 1, false),
        ("c", "trial", 2, false),
        ("c", "pro", 4, true),
    ];
    let more = [("c", "pro", 4, false), ("b", "back", 9, true)];
    let says = "says which of the states of a row is the current one";
    type Write<'a> = &'a dyn Fn(&[(&str, &str, u32, bool)]) -> String;
    for write in [&fivetran as Write<'_>, &dbt] {
        let plans = |project: &Project| -> Vec<(String, Value)> {
            shown(project)
                .into_iter()
                .map(|(id, row)| {
                    assert_eq!(row.as_object().unwrap().len(), 1, "only the row's own columns: {row}");
                    (id, row["plan"].clone())
                })
                .collect()
        };
        let expected = |rows: &[(&str, &str)]| -> Vec<(String, Value)> {
            rows.iter().map(|(id, plan)| (id.to_string(), json!(plan))).collect()
        };
        let project = Project::new().sync_yaml("t", &profiles("id"));
        project.export("t/1.csv", write(&first));
        project.run(&["plan"]).exits(0).says(&[says]);
        project.sync().exits(0).counts(&[("plan/inserts", 3)]);
        assert_eq!(plans(&project), expected(&[("a", "free"), ("b", "free"), ("c", "pro")]));
        project.export("t/2.csv", write(&again));
        project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/deletes", 1), ("plan/inserts", 0)]);
        assert_eq!(plans(&project), expected(&[("a", "pro"), ("c", "pro")]));
        project.export("t/3.csv", write(&more));
        project.sync().exits(0);
        assert_eq!(plans(&project), expected(&[("a", "pro"), ("b", "back")]));
        project.run(&["verify", "t"]).exits(0);
    }
}

/// dbt may add a record for a row that is gone.
#[test]
fn a_record_of_dbt_may_say_that_its_row_is_gone() {
    let project = Project::new().sync_yaml("t", &profiles("id"));
    let header = "dbt_scd_id,id,plan,dbt_updated_at,dbt_valid_from,dbt_valid_to,dbt_is_deleted\n";
    let a = "x1,a,free,2026-01-01,2026-01-01,";
    project.export("t/1.csv", format!("{header}{a},False\nx2,b,free,2026-01-01,2026-01-01,,False\n"));
    project.sync().exits(0);
    project.export("t/2.csv", format!("{header}{a}2026-01-05,False\nx3,a,free,2026-01-05,2026-01-05,,True\n"));
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(shown(&project).len(), 1);
    project.run(&["verify", "t"]).exits(0);
}

/// Airbyte's raw layout: the row is JSON in a column, in JSON lines or in CSV.
#[test]
fn raw_rows_of_airbyte_are_unwrapped() {
    let rows = [
        (1, json!({ "id": "a", "plan": "free" })),
        (2, json!({ "id": "b", "plan": "free" })),
        (3, json!({ "id": "a", "plan": "pro" })),
    ];
    let line = |(n, row): &(u32, Value)| {
        json!({
            "_airbyte_raw_id": format!("raw-{n}"), "_airbyte_extracted_at": 1_700_000_000_000_u64 + u64::from(*n),
            "_airbyte_meta": {}, "_airbyte_generation_id": 0, "_airbyte_data": row,
        })
        .to_string()
    };
    let lines: Vec<String> = rows.iter().rev().map(line).collect();
    let csv =
        csv_text(std::iter::once(["_airbyte_ab_id", "_airbyte_emitted_at", "_airbyte_data"].map(String::from)).chain(
            rows.iter().map(|(n, row)| {
                [format!("raw-{n}"), (1_700_000_000_000_u64 + u64::from(*n)).to_string(), row.to_string()]
            }),
        ));
    for (name, bytes) in [("t/1.jsonl", lines.join("\n").into_bytes()), ("t/1.csv", csv)] {
        let yaml = profiles("id").replace("prefix: t/", "prefix: t/, feed: append");
        let project = Project::new().sync_yaml("t", &yaml);
        project.export(name, bytes);
        project.run(&["plan"]).exits(0).says(&["the exports are raw rows of Airbyte (_airbyte_data)"]);
        project.sync().exits(0);
        assert_eq!(
            shown(&project),
            [("a".to_string(), json!({ "plan": "pro" })), ("b".to_string(), json!({ "plan": "free" }))]
        );
        // Read again by the next load.
        if name.ends_with("jsonl") {
            project.export("t/2.jsonl", line(&(9, json!({ "id": "b", "plan": "team" }))));
            project.sync().exits(0).counts(&[("plan/updates", 1)]);
        }
        project.run(&["verify", "t"]).exits(0);
    }
}

/// Mixpanel's raw export has names beside and everything else inside: what one project gave, another one takes.
#[test]
fn raw_events_of_mixpanel_are_unwrapped() {
    let yaml = "destination: product\nkind: events\nmode: append\nsource: { prefix: t/ }\nevents:\n  name: { column: event }\n  time: { column: time }\n  user_id: $user_id\n  device_id: $device_id\n  insert_id: { column: $insert_id, keep: where_legal }\n";
    let project = Project::new().sync_yaml("t", yaml);
    let line = |n: u32, time: u64, more: Value| {
        let mut properties = json!({
            "time": time, "distinct_id": "u1", "$insert_id": format!("id-{n}"), "$user_id": "u1", "$device_id": "d1",
            "mp_processing_time_ms": 1_767_225_600_000_u64, "n": n,
        });
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{}\n", json!({ "event": "Bought", "properties": properties }))
    };
    let seconds = line(1, 1_767_225_600, json!({ "list": [1, 2], "event": "inner" }));
    project.export("t/1.jsonl", seconds + &line(2, 1_767_225_601_000, json!({ "$city": "Ulm" })));
    project.run(&["plan"]).exits(0).says(&["the exports are raw events of Mixpanel (event, properties)"]);
    project.sync().exits(0).counts(&[("counts/accepted", 2)]);
    let mut events = project.events();
    events.sort_by_key(|event| event["properties"]["n"].as_u64());
    let properties = &events[0]["properties"];
    assert_eq!((&events[0]["event"], &properties["time"]), (&json!("Bought"), &json!(1_767_225_600_000_u64)));
    assert_eq!((&properties["distinct_id"], &properties["$insert_id"]), (&json!("u1"), &json!("id-1")));
    assert_eq!((&properties["list"], &properties["properties.event"]), (&json!([1, 2]), &json!("inner")));
    assert_eq!(events[1]["properties"]["$city"], "Ulm");
    project.run(&["verify", "t"]).exits(0);
}
