//! Every command, with the words and exit codes that a person or a program gets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Project;
use serde_json::{Value, json};

const APPEND: &str = "\
destination: product
kind: events
mode: append
source: { prefix: data/ }
events:
  name: { value: Test }
  time: { column: at }
  user_id: user
  insert_id: id
";
const GOOD: &str = "id,user,at,v\ng1,u1,2025-01-01T00:00:00Z,1\ng2,u2,2025-01-02T00:00:00Z,2\n";
const WITH_BAD: &str = "id,user,at,v\ng1,u1,2025-01-01T00:00:00Z,1\nbad,u2,,2\n";

fn append() -> Project {
    Project::new().sync_yaml("s", APPEND)
}

fn snapshot(more: &str) -> Project {
    let yaml = APPEND
        .replace("mode: append", "mode: mirror")
        .replace("prefix: data/", "prefix: data/, feed: snapshot, complete: sync_now");
    Project::new().sync_yaml("s", &format!("{yaml}{more}"))
}

/// A table of so many rows.
fn table(rows: std::ops::Range<u32>) -> String {
    let rows = rows.map(|n| format!("t{n},u{n},2025-01-{:02}T00:00:00Z,{n}\n", 1 + n % 28));
    format!("id,user,at,v\n{}", rows.collect::<String>())
}

/// Every file of the project but the lock and the database, and every row of the database but the number of the process.
fn everything(project: &Project) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let mut files = BTreeMap::new();
    files_below(&project.path(""), "", &mut files);
    files.retain(|name, _| name != ".driftless/lock" && !name.starts_with(".driftless/state.sqlite3"));
    let mut rows = Vec::new();
    if let Ok(database) = rusqlite::Connection::open(project.path(".driftless/state.sqlite3")) {
        for table in ["items", "set_members", "messages", "syncs", "row_states", "recent_row_states"] {
            let mut query = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
            let columns = query.column_count();
            let mut found = query.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let values: Vec<_> = (0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect();
                rows.push(format!("{table}: {}", values.join(" ")));
            }
        }
    }
    (files, rows)
}

fn files_below(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn plan_changes_nothing_anywhere() {
    let project = append().sync_yaml(
        "t",
        &APPEND
            .replace("mode: append", "mode: mirror")
            .replace("prefix: data/", "prefix: table/, feed: snapshot, complete: sync_now"),
    );
    project.export("data/a.csv", WITH_BAD).export("table/a.csv", table(0..10));
    for round in 0..2 {
        let (before, summary) = (everything(&project), project.get("/sandbox/summary.json"));
        let planned = project.run(&["plan", "--json"]).exits(4).json();
        project.run(&["plan"]).exits(4);
        project.run(&["plan", "s"]).exits(4);
        assert!(everything(&project) == before, "round {round}");
        assert_eq!(project.path(".driftless").exists(), round > 0, "looking makes no state folder");
        assert_eq!(project.get("/sandbox/summary.json"), summary);

        // The sync then does exactly what the plan said.
        let synced = project.sync().exits(4);
        for (n, sync) in planned.as_array().unwrap().iter().enumerate() {
            for field in ["counts", "inserts", "updates", "deletes", "billable", "payload_bytes"] {
                assert_eq!(sync["plans"][0][field], synced.answer["runs"][n]["plan"][field], "{field}");
            }
        }
        project.export("data/b.csv", WITH_BAD.replace("g1", "g3")).export("table/a.csv", table(1..11));
    }
}

#[test]
fn plan_says_what_would_be_sent() {
    let project = append();
    project.export("data/a.csv", WITH_BAD);
    project.run(&["plan", "s"]).exits(4).says(&[
        "s: 1 export read as append feed",
        "would send 1 event (each may be billed) in 1 request",
        "rejected: 1 row, time_missing",
        "data/a.csv row 2, column at: time column at is empty or missing",
        "sample, from data/a.csv row 1",
        "\"distinct_id\": \"u1\"",
    ]);
    project.run(&["sync"]).exits(4);
    project.run(&["plan", "s"]).exits(0).says(&["s: nothing to do; the destination has everything that is there"]);
}

#[test]
fn init_writes_a_project_that_check_reads() {
    let empty = tempfile::TempDir::new().unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_driftless"))
            .args(args)
            .arg("--project")
            .arg(empty.path())
            .env("MIXPANEL_SERVICE_ACCOUNT", "user:secret")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    let (code, text) = run(&["check"]);
    assert!(code == 2 && text.contains("run driftless init to start"), "{text}");
    let (code, text) = run(&["init"]);
    assert!(code == 0 && text.contains("driftless.yaml") && text.contains("syncs/purchases.yaml"), "{text}");
    let (code, text) = run(&["check"]);
    assert!(code == 0 && text.contains("purchases") && text.contains("the configuration is sound"), "{text}");
    let (code, text) = run(&["init"]);
    assert!(code == 2 && text.contains("is there already; it was left as it is"), "{text}");
}

#[test]
fn check_counts_exports_and_status_tells_where_syncs_stand() {
    let project = append();
    project.export("data/a.csv", GOOD).export("data/_SUCCESS", "");
    let checked = project.run(&["check", "--json"]).exits(0).json();
    assert_eq!(checked, json!([{"sync": "s", "exports": 1, "control_files": 1}]));
    project.run(&["status"]).exits(0).says(&["append", "product", "idle", "never"]);
    project.run(&["runs", "s"]).exits(0).says(&["s: no run yet"]);
    project.run(&["sync"]).exits(0);
    let status = project.run(&["status", "--json"]).exits(0).json();
    assert_eq!((&status[0]["state"], &status[0]["checkpoint"]["last_run"]), (&json!("idle"), &json!(1)));
    let runs = project.run(&["runs", "s", "--json"]).exits(0).json();
    assert_eq!((&runs[0]["status"], &runs[0]["counts"]["accepted"]), (&json!("finished"), &json!(2)));
    project.run(&["runs", "s", "--limit", "1"]).exits(0).says(&["finished"]);
    for args in [["runs", "other"], ["sync", "other"], ["why", "other"], ["verify", "other"]] {
        let mut args = args.to_vec();
        if args[0] == "why" {
            args.push("key");
        }
        project.run(&args).exits(2).says(&["there is no sync other; known: s"]);
    }
}

/// A wrong column, noticed, corrected and replayed.
fn replays(yaml: &str) {
    let wrong = yaml.replace("column: at", "column: created_at");
    let project = Project::new().sync_yaml("s", &wrong);
    project.export("data/a.csv", GOOD);
    project.run(&["sync"]).exits(4).says(&["2 rows in quarantine"]);
    let failures = project.run(&["failures", "s", "--json"]).exits(4).json();
    assert_eq!(failures["total"], 2);
    assert_eq!(failures["rows"][0]["row"]["column"], "created_at");
    // As the configuration is, they fail again, and are there once, not twice.
    project.run(&["replay", "s"]).exits(4);
    assert_eq!(project.run(&["failures", "s", "--json"]).json()["total"], 2);

    let project = project.sync_yaml("s", yaml);
    project.run(&["replay", "s"]).exits(0).says(&["s: 2 events sent"]);
    assert_eq!(project.events().len(), 2);
    project.run(&["failures", "s"]).exits(0).says(&["s: no row is in quarantine"]);
    project.run(&["verify", "s"]).exits(0).says(&["2 rows in the exports, 2 equal"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    project.run(&["replay", "s"]).exits(0).says(&["nothing to replay"]);
}

#[test]
fn replay_sends_rejected_rows_of_an_append() {
    replays(APPEND);
}

#[test]
fn replay_sends_rejected_rows_of_a_snapshot() {
    replays(
        &APPEND
            .replace("mode: append", "mode: mirror")
            .replace("prefix: data/", "prefix: data/, feed: snapshot, complete: sync_now"),
    );
}

#[test]
fn replay_sends_rejected_rows_of_a_change_feed() {
    replays(&APPEND.replace("mode: append", "mode: mirror").replace("prefix: data/", "prefix: data/, feed: change"));
}

#[test]
fn replay_leaves_out_rows_of_exports_that_are_gone() {
    let project = append();
    project.export("data/a.csv", WITH_BAD);
    project.run(&["sync"]).exits(4);
    project.remove("data/a.csv");
    project
        .run(&["replay", "s"])
        .exits(0)
        .says(&["nothing to replay", "1 quarantined rows are of exports that changed or are gone"]);
}

#[test]
fn why_tells_what_is_known_of_a_row() {
    let project = append();
    project.export("data/a.csv", WITH_BAD);
    project.run(&["sync"]).exits(4);
    project.run(&["why", "s", "g1"]).exits(0).says(&["delivered", "revision 0", "remembered until"]);
    let id = project.events()[0]["properties"]["$insert_id"].as_str().unwrap().to_string();
    project.run(&["why", "s", &id]).exits(0).says(&[&id, "delivered"]);
    project
        .run(&["why", "s", "bad"])
        .exits(0)
        .says(&["no row state", "in quarantine since run 1: data/a.csv row 2, column at"]);
    project.run(&["why", "s", "nobody"]).exits(0).says(&["no row state: never delivered"]);
    project.run(&["why", "s", "two", "values"]).exits(2).says(&["give the values of id, in this order"]);

    // A mirror knows where the row is, a deleted one included.
    let project = snapshot("");
    project.export("data/a.csv", table(0..5));
    project.run(&["sync"]).exits(0);
    project.export("data/a.csv", table(1..5));
    project.run(&["sync"]).exits(0);
    project
        .run(&["why", "s", "t3"])
        .exits(0)
        .says(&["delivered", "there as: event Test, distinct_id u3, time 2025-01-04 00:00:00 UTC, insert_id"]);
    project.run(&["why", "s", "t0"]).exits(0).says(&["deleted at the destination"]);
}

#[test]
fn an_expensive_plan_waits_and_goes_on_when_approved() {
    let project = snapshot("hold: { billable_over: 5 }\n");
    project.export("data/a.csv", table(0..6));
    let words = ["6 billable mutations, over the sync's limit of 5 (hold.billable_over)"];
    project.run(&["plan"]).exits(3).says(&["will be held for approval"]).says(&words);
    project.run(&["sync"]).exits(3).says(&words).says(&["driftless approve s", "driftless reject s"]);
    project.run(&["sync"]).exits(3);
    project.run(&["status"]).exits(3).says(&["held for approval"]);
    assert!(project.copies().is_empty());
    project.run(&["approve", "s"]).exits(0).says(&["s: 6 events sent"]);
    assert_eq!(project.events().len(), 6);
    project.run(&["approve", "s"]).exits(1).says(&["s has no held run"]);
    project.run(&["status"]).exits(0).says(&["idle"]);
    project.run(&["verify", "s"]).exits(0);
}

#[test]
fn a_rejected_plan_sends_nothing_and_blocks_nothing() {
    for project in [
        append().sync_yaml("s", &format!("{APPEND}hold: {{ billable_over: 5 }}\n")),
        snapshot("hold: { billable_over: 5 }\n"),
    ] {
        project.export("data/a.csv", table(0..6));
        project.run(&["sync"]).exits(3);
        project.run(&["reject", "s"]).exits(0).says(&["s: run 1 is dropped; nothing of it was sent"]);
        project.run(&["reject", "s"]).exits(1).says(&["s has no held run"]);
        assert_eq!(project.run(&["runs", "s", "--json"]).json()[0]["status"], "rejected");
        assert!(project.copies().is_empty());
        // A corrected export is planned anew.
        project.export("data/a.csv", table(0..4));
        project.run(&["sync"]).exits(0);
        assert_eq!(project.events().len(), 4);
    }
}

#[test]
fn many_deletes_wait_for_a_person() {
    let project = snapshot("hold: { deletes_over_percent: 10, deletes_at_least: 2 }\n");
    project.export("data/a.csv", table(0..20));
    project.run(&["sync"]).exits(0);
    project.export("data/a.csv", table(3..20));
    project.run(&["sync"]).exits(3).says(&["3 deletes of 20 live rows, over 10 % (hold.deletes_over_percent)"]);
    assert_eq!(project.events().len(), 20);
    project.run(&["approve", "s", "2"]).exits(0);
    assert_eq!((project.events().len(), project.tombstones().len()), (17, 3));
}

#[test]
fn an_empty_snapshot_waits_for_a_person() {
    let project = snapshot("");
    project.export("data/a.csv", table(0..20));
    project.run(&["sync"]).exits(0);
    project.export("data/a.csv", table(0..0));
    project.run(&["sync"]).exits(3).says(&["the snapshot is empty, 20 live rows would be deleted"]);
    assert_eq!(project.events().len(), 20);
    project.run(&["reject", "s"]).exits(0);
    project.export("data/a.csv", table(0..20));
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    // No export at all is no word of the warehouse either.
    project.remove("data/a.csv");
    let ran = project.run(&["sync"]);
    assert_eq!(project.events().len(), 20, "{ran}");
}

#[test]
fn schemas_are_json_and_name_the_fields() {
    let project = append();
    for (file, fields) in [
        ("sync", &["destination", "mode", "source", "events", "hold"][..]),
        ("project", &["exports", "state", "destinations"]),
    ] {
        let schema = project.run(&["schema", file]).exits(0).json();
        for field in fields {
            assert!(schema["properties"][field].is_object(), "{field}");
        }
    }
    project.run(&["schema", "other"]).exits(2).says(&["[possible values: project, sync]"]);
}

#[test]
fn errors_are_json_for_programs() {
    let project = Project::new().sync_yaml("s", &APPEND.replace("user_id", "usr_id"));
    let ran = project.run(&["sync", "--json"]).exits(2);
    let error = ran.json()["errors"][0].as_str().unwrap().to_string();
    assert!(error.contains("did you mean `user_id`?"), "{error}");
    project.run(&["nonsense"]).exits(2);
}

#[test]
fn the_sandbox_command_answers() {
    let project = append();
    let mut sandbox = project.spawn(&["sandbox", "--port", "0", "--json"]);
    let began = Instant::now();
    let url = loop {
        let text = project.printed();
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            break value["url"].as_str().unwrap().to_string();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{text}");
        std::thread::sleep(Duration::from_millis(10));
    };
    let other = Project::with_url(&url).sync_yaml("s", APPEND);
    other.export("data/a.csv", GOOD);
    other.run(&["sync"]).exits(0);
    assert_eq!(other.events().len(), 2);
    assert!(other.get("/").contains("<html"), "a page for people");
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
}

#[test]
fn one_process_at_a_time_works_on_the_state_and_others_look() {
    let project = append();
    project.post("/sandbox/faults", &json!({"latency_ms": 3_000}));
    project.export("data/a.csv", GOOD);
    let mut first = project.spawn(&["sync"]);
    std::thread::sleep(Duration::from_millis(700));
    project.run(&["sync"]).exits(1).says(&["is in use by process", "Wait until it is done or stop it"]);
    for looking in [&["status"][..], &["plan"], &["runs", "s"], &["failures", "s"], &["why", "s", "g1"], &["check"]] {
        project.run(looking).exits(0);
    }
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(project.copies().len(), 2);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_driftless"))
        .args(["schema", "sync"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_demo_ends_as_it_tells() {
    let project = append();
    project
        .run(&["demo"])
        .exits(0)
        .says(&["499 equal at the destination", "column at: time column at is empty or missing"]);
}

/// A killed process leaves messages of every sync; a command about one of them does not wait for the others.
#[test]
fn what_another_sync_left_is_not_waited_for() {
    // Without row state nothing has to wait until a request of the killed process can no longer arrive.
    let yaml = format!("{APPEND}dedupe: off\n");
    let project = Project::new().sync_yaml("s", &yaml).sync_yaml("t", &yaml.replace("prefix: data/", "prefix: table/"));
    project.export("data/a.csv", GOOD).export("table/a.csv", table(0..9_000));
    project.post("/sandbox/faults", &json!({"latency_ms": 5_000}));
    let mut killed = project.spawn(&["sync"]);
    std::thread::sleep(Duration::from_millis(1_500));
    killed.kill().unwrap();
    killed.wait().unwrap();
    project.post("/sandbox/faults", &json!({}));
    let began = Instant::now();
    project.run(&["sync", "s"]).exits(0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    project.run(&["sync"]).exits(0);
    assert_eq!(project.events().len(), 9_002);
}
