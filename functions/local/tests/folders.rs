//! Folders as snapshots of their own: rows of a folder that is gone stay, those that a folder lost go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fmt::Write as _;

use common::Project;

const HEADER: &str = "id,at,user,item\n";

fn yaml(source: &str) -> String {
    format!(
        "destination: product\nkind: events\nmode: mirror\nsource: {{ prefix: t/, feed: snapshot, {source} }}\n\
         events: {{ name: {{ value: Bought }}, time: {{ column: at }}, user_id: user, insert_id: id }}\n"
    )
}

fn project(source: &str) -> Project {
    Project::new().sync_yaml("t", &yaml(source))
}

/// A day's export with rows of these ids.
fn day(project: &Project, day: u32, ids: impl IntoIterator<Item = u32>) {
    let mut text = HEADER.to_string();
    for id in ids {
        writeln!(text, "{id},2026-11-01,u{id},pen").unwrap();
    }
    project.export(&format!("t/dt={day}/part-0.csv"), text);
}

fn ids(project: &Project) -> Vec<u64> {
    let mut ids: Vec<u64> = project.events().iter().map(|event| event["properties"]["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

fn remove_day(project: &Project, day: u32) {
    std::fs::remove_dir_all(project.path(&format!("exports/t/dt={day}"))).unwrap();
}

#[test]
fn rows_of_a_folder_that_is_gone_stay() {
    let project = project("complete: sync_now, snapshot_folders: 1");
    day(&project, 1, [1, 2]);
    day(&project, 2, [3, 4, 5]);
    day(&project, 3, [6]);
    project.sync().exits(0).counts(&[("plan/inserts", 6)]);
    // A day leaves the bucket, another one lost a row, and a row moved, as it was.
    remove_day(&project, 1);
    day(&project, 2, [3]);
    day(&project, 3, [4, 6]);
    project.run(&["plan"]).exits(0).says(&["2 rows of folders that are no longer there are kept", "1 deletes"]);
    project.sync().exits(0).counts(&[("plan/deletes", 1), ("settled/events_sent", 1)]);
    assert_eq!(ids(&project), [1, 2, 3, 4, 6]);
    project.run(&["verify", "t"]).exits(0).says(&["0 surplus", "2 of folders that are gone, kept"]);
    // The row that moved goes with its new folder, not with the old one.
    remove_day(&project, 2);
    day(&project, 3, [6]);
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(ids(&project), [1, 2, 3, 6]);
    // A day comes back: what it has costs nothing, what it lost is deleted.
    day(&project, 1, [2]);
    project.sync().exits(0).counts(&[("plan/deletes", 1), ("plan/inserts", 0), ("settled/events_sent", 1)]);
    assert_eq!(ids(&project), [2, 3, 6]);
    // A folder without rows is still a folder.
    project.export("t/dt=3/part-0.csv", HEADER);
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(ids(&project), [2, 3]);
    // All folders gone: nothing is deleted.
    for day in [1, 3] {
        remove_day(&project, day);
    }
    project.sync().exits(0);
    assert_eq!(ids(&project), [2, 3]);
}

#[test]
fn levels_below_the_named_ones_belong_to_the_folder() {
    let project = project("complete: sync_now, snapshot_folders: 1");
    project.export("t/dt=1/country=DE/a.csv", format!("{HEADER}1,2026-11-01,u1,pen\n"));
    project.export("t/dt=1/country=US/a.csv", format!("{HEADER}2,2026-11-01,u2,pen\n"));
    project.sync().exits(0);
    project.remove("t/dt=1/country=DE/a.csv");
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(ids(&project), [2]);
}

#[test]
fn rows_from_before_the_setting_are_kept() {
    let project = project("complete: sync_now");
    day(&project, 1, [1, 2]);
    day(&project, 2, [3, 4]);
    project.sync().exits(0);
    let project = project.sync_yaml("t", &yaml("complete: sync_now, snapshot_folders: 1"));
    // Nothing is sent for the setting alone, and the rows that are there get their folders.
    remove_day(&project, 1);
    project
        .run(&["plan"])
        .says(&["2 rows that no export has are kept, because they were sent before source.snapshot_folders was set"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    day(&project, 2, [4]);
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(ids(&project), [1, 2, 4]);
    project.run(&["verify", "t"]).exits(0).says(&["2 of folders that are gone, kept"]);
}

#[test]
fn each_folder_needs_its_proof() {
    let project = project("complete: success_marker, snapshot_folders: 1");
    let mark = |day: u32| {
        project.export(&format!("t/dt={day}/_SUCCESS"), "");
    };
    day(&project, 1, [1]);
    mark(1);
    day(&project, 2, [2]);
    project.run(&["plan"]).says(&["waits: no _SUCCESS that is newer than every export under t/dt=2/ is there yet"]);
    mark(2);
    project.sync().exits(0).counts(&[("plan/inserts", 2)]);
    // One day is written anew, and later ones too: each by its own marker.
    std::thread::sleep(std::time::Duration::from_millis(20));
    day(&project, 1, [3]);
    project.run(&["plan"]).says(&["waits"]);
    mark(1);
    project.sync().exits(0).counts(&[("plan/inserts", 1), ("plan/deletes", 1)]);
    // Or by one above them all.
    std::thread::sleep(std::time::Duration::from_millis(20));
    day(&project, 1, [1]);
    project.export("t/_SUCCESS", "");
    project.sync().exits(0).counts(&[("plan/inserts", 1), ("plan/deletes", 1)]);
    assert_eq!(ids(&project), [1, 2]);
    // Which still speaks for a new day that was there before it, though another day was written since.
    std::thread::sleep(std::time::Duration::from_millis(20));
    day(&project, 3, [3]);
    project.export("t/_SUCCESS", "");
    std::thread::sleep(std::time::Duration::from_millis(20));
    day(&project, 1, [4]);
    mark(1);
    project.sync().exits(0).counts(&[("plan/inserts", 2), ("plan/deletes", 1)]);
    assert_eq!(ids(&project), [2, 3, 4]);
}

#[test]
fn each_folder_has_its_manifest() {
    let project = project("complete: manifest, snapshot_folders: 1");
    let manifest = |day: u32| {
        let entries = format!(r#"{{"entries":[{{"url":"s3://bucket/t/dt={day}/part-0.csv"}}]}}"#);
        project.export(&format!("t/dt={day}/manifest"), entries);
    };
    day(&project, 1, [1]);
    project.export("t/dt=1/left-over.csv", format!("{HEADER}9,2026-11-01,u9,pen\n"));
    manifest(1);
    day(&project, 2, [2, 5]);
    project.run(&["plan"]).says(&["waits: no manifest of t/dt=2/ is there yet"]);
    manifest(2);
    project.sync().exits(0).counts(&[("plan/inserts", 3)]);
    remove_day(&project, 1);
    day(&project, 2, [5]);
    project.sync().exits(0).counts(&[("plan/deletes", 1)]);
    assert_eq!(ids(&project), [1, 5]);
    // One above them may list all; where a folder has its own, that one counts.
    day(&project, 4, [6]);
    let url = |file: &str| format!(r#"{{"url":"s3://bucket/t/{file}"}}"#);
    let all = [url("dt=2/part-0.csv"), url("dt=4/part-0.csv")].join(",");
    project.export("t/manifest", format!(r#"{{"entries":[{all}]}}"#));
    project.sync().exits(0).counts(&[("plan/inserts", 1)]);
    assert_eq!(ids(&project), [1, 5, 6]);
    project.remove("t/manifest");
    manifest(4);
    // With auto as well; and a folder without one leaves it at sending.
    let project = project.sync_yaml("t", &yaml("snapshot_folders: 1"));
    day(&project, 3, [3]);
    day(&project, 2, [2]);
    project.run(&["plan"]).says(&["nothing proves that this snapshot is complete"]);
}

#[test]
fn the_newest_file_of_each_folder_counts() {
    let project = project("complete: each_file, snapshot_folders: 1");
    project.export("t/dt=1/a.csv", format!("{HEADER}1,2026-11-01,u1,pen\n"));
    std::thread::sleep(std::time::Duration::from_millis(20));
    project.export("t/dt=1/b.csv", format!("{HEADER}2,2026-11-01,u2,pen\n"));
    project.export("t/dt=2/a.csv", format!("{HEADER}3,2026-11-01,u3,pen\n"));
    project.sync().exits(0);
    assert_eq!(ids(&project), [2, 3]);
}

#[test]
fn a_folder_that_loses_much_is_held() {
    let project = project("complete: sync_now, snapshot_folders: 1");
    for number in 0..30 {
        day(&project, number, number * 1_000..number * 1_000 + 200);
    }
    project.sync().exits(0);
    // 150 of 6,000 rows are few, 150 of 200 are not.
    day(&project, 7, 7_000..7_050);
    let held = "150 deletes of 200 live rows of t/dt=7/, over 10 % (hold.deletes_over_percent)";
    project.run(&["plan"]).says(&[held]);
    project.sync().exits(3);
    project.run(&["status"]).says(&["held"]);
    project.run(&["approve", "t"]).exits(0);
    assert_eq!(ids(&project).len(), 5_850);
    // What is kept of folders that are gone does not make a large delete look small.
    for number in 10..30 {
        remove_day(&project, number);
    }
    for number in 0..7 {
        day(&project, number, number * 1_000..number * 1_000 + 150);
    }
    project.run(&["plan"]).says(&["350 deletes of 1850 live rows, over 10 %"]);
}

#[test]
fn what_it_does_not_go_with_is_refused() {
    let with = |yaml: String, words: &[&str]| {
        Project::new().sync_yaml("t", &yaml).run(&["check"]).exits(2).says(&["source.snapshot_folders"]).says(words);
    };
    with(yaml("snapshot_folders: 9"), &["must be at most 8"]);
    with(yaml("snapshot_folders: 1").replace("prefix: t/", "prefix: t"), &["which must end with /"]);
    with(yaml("snapshot_folders: 1").replace("feed: snapshot", "feed: auto"), &["set feed: snapshot and mode: mirror"]);
    with(yaml("snapshot_folders: 1").replace("mode: mirror", "mode: one_time"), &["belongs to snapshots"]);
}

/// The log of a Delta table says which rows are there, whatever folder they are in.
#[test]
fn a_delta_table_is_one_snapshot() {
    let project = project("snapshot_folders: 1");
    project.export("t/_delta_log/00000000000000000000.json", "{\"metaData\":{\"id\":\"1\",\"partitionColumns\":[]}}\n");
    project.run(&["sync"]).exits(1).says(&["remove source.snapshot_folders"]);
}
