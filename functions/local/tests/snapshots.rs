//! What belongs to a snapshot, as each producer tells it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs::File;
use std::time::{Duration, SystemTime};

use common::Project;

const USERS: &str = "\
destination: product
kind: user_profiles
mode: mirror
source: { prefix: t/, feed: snapshot }
profiles: { id: id }
";

fn ids(project: &Project) -> Vec<String> {
    project.profiles("").into_iter().map(|(id, _)| id).collect()
}

#[test]
fn databricks_says_which_files_count() {
    let project = Project::new().sync_yaml("users", USERS);
    let name = |tid: u32| format!("part-00000-tid-{tid}-0000-1-c000.csv");
    project.export("t/_started_11", "");
    project.export(&format!("t/{}", name(11)), "id,plan\na,1\nb,1\n");
    project.run(&["plan"]).exits(0).says(&["waits: job 11 in t/ began and has not committed"]);
    project.export("t/_committed_11", format!("{{\"added\":[\"{}\"],\"removed\":[]}}", name(11)));
    project.export("t/part-00001-tid-7-0000-1-c000.csv", "id,plan\nfailed,1\n");
    project.run(&["plan"]).exits(0).never_says(&["nothing proves"]);
    project.sync().exits(0).counts(&[("plan/inserts", 2)]);

    // An overwrite leaves the old file where it is.
    project.export(&format!("t/{}", name(12)), "id,plan\nb,2\n");
    project.export("t/_committed_12", format!("{{\"added\":[\"{}\"],\"removed\":[\"{}\"]}}", name(12), name(11)));
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/deletes", 1)]);
    assert_eq!(ids(&project), ["b"]);

    project.remove(&format!("t/{}", name(12)));
    project.run(&["plan"]).exits(0).says(&["was committed and is not there yet"]);
    project.export("t/_committed_12", "no list");
    project.run(&["plan"]).exits(1).says(&["t/_committed_12 is no list of files"]);
}

#[test]
fn a_manifest_with_lengths_waits_for_files_of_that_length() {
    let project = Project::new().sync_yaml("users", USERS);
    let manifest = |bytes: usize| {
        format!(
            "{{\"entries\":[{{\"url\":\"s3://bucket/t/u_0000_part_00\",\"meta\":{{\"content_length\":{bytes}}}}}],\n\"schema\":{{\"elements\":[{{\"name\":\"id\",\"type\":{{\"base\":\"character varying\",25}}}}]}}}}"
        )
    };
    let rows = "id,plan\na,1\n";
    project.export("t/u_0000_part_00", rows);
    project.export("t/u_manifest", manifest(rows.len() + 5));
    project.run(&["plan"]).exits(0).says(&["with another length: it is being written anew"]);
    project.export("t/u_manifest", manifest(rows.len()));
    project.sync().exits(0);
    assert_eq!(ids(&project), ["a"]);
    // The same later: it is told, and nothing is taken for gone.
    project.export("t/u_manifest", manifest(rows.len() + 7));
    project.run(&["sync"]).exits(0).says(&["waiting", "with another length: it is being written anew"]);
    assert_eq!(ids(&project), ["a"]);
}

/// UNLOAD without HEADER: only a verbose manifest knows what the columns are called.
#[test]
fn a_manifest_names_the_columns_of_exports_without_a_header() {
    for feed in ["snapshot", "append"] {
        let mode = if feed == "snapshot" { "mirror" } else { "append" };
        let yaml =
            USERS.replace("feed: snapshot", &format!("feed: {feed}")).replace("mode: mirror", &format!("mode: {mode}"));
        let project = Project::new().sync_yaml("users", &yaml);
        let elements =
            r#"[{"name":"id","type":{"base":"character varying",25}},{"name":"plan","type":{"base":"integer"}}]"#;
        project.export("t/u_0000_part_00", "a|1\nb|2\nc|3\n");
        project.export("t/u_0001_part_00", "d|4\n");
        let entries = r#"[{"url":"s3://bucket/t/u_0000_part_00"},{"url":"s3://bucket/t/u_0001_part_00"}]"#;
        let author = r#"{"name":"Amazon Redshift","version":"1.0.0"}"#;
        let manifest = format!("{{\"entries\":{entries},\"schema\":{{\"elements\":{elements}}},\"author\":{author}}}");
        project.export("t/u_manifest", manifest);
        project.run(&["plan"]).exits(0).says(&["their columns are named by the manifest"]);
        project.sync().exits(0);
        assert_eq!(ids(&project), ["a", "b", "c", "d"]);
        assert_eq!(project.profiles("")[3].1["plan"], 4);
    }
}

#[test]
fn shards_of_an_earlier_unload_are_left_out() {
    let project = Project::new().sync_yaml("users", &USERS.replace("snapshot }", "snapshot, complete: sync_now }"));
    let shard = |n: u32, minutes_ago: u64, rows: &str| {
        let key = format!("t/users-00000000000{n}.csv");
        project.export(&key, format!("id,plan\n{rows}"));
        let file = File::options().write(true).open(project.path("exports").join(key)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_mins(minutes_ago)).unwrap();
    };
    shard(0, 600, "a,1\nb,1\n");
    shard(1, 599, "c,1\nd,1\n");
    project.sync().exits(0).counts(&[("plan/inserts", 4)]);
    // Rows c and d were deleted since, and one shard is enough.
    shard(0, 5, "a,1\nb,2\n");
    project.run(&["plan"]).exits(0).says(&[
        "t/users-000000000001.csv is left out: it is a shard of an earlier unload",
        "would send 3 user profile updates",
    ]);
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/deletes", 2)]);
    assert_eq!(ids(&project), ["a", "b"]);
}

#[test]
fn a_first_plan_says_what_it_waits_for() {
    let open = USERS.replace("feed: snapshot", "complete: success_marker");
    let project = Project::new().sync_yaml("users", &open);
    project.run(&["plan"]).exits(0).says(&["waits: no _SUCCESS that is newer than every export under t/"]);
    project.export("t/a.csv", "id,plan\na,1\n");
    project.run(&["plan"]).exits(0).says(&["waits: no _SUCCESS that is newer than every export under t/"]);
    project.export("t/_SUCCESS", "");
    project.run(&["plan"]).exits(0).says(&["would send 1 user profile update"]).never_says(&["waits"]);
}

#[test]
fn rows_of_a_snapshot_have_no_delivery_order() {
    let two = "id,plan\na,1\na,2\nb,1\n";
    let project = Project::new().sync_yaml("users", USERS);
    project.export("t/a.csv", two);
    project
        .run(&["sync"])
        .exits(3)
        .says(&["several different rows of the snapshot have this key", "unload one row for each key"])
        .never_says(&["delivery"]);
    // Said before anything is read where the mode tells, else once the exports tell.
    let delivery = USERS.replace("feed: snapshot", "order: delivery");
    let full = Project::new().sync_yaml("users", &delivery.replace("mirror", "full"));
    full.run(&["check"]).exits(2).says(&["source.order", "a snapshot's rows have no delivery order"]);
    let found = Project::new().sync_yaml("users", &delivery);
    found.export("t/a.csv", two);
    found.run(&["plan"]).exits(1).says(&["t/ is read as a snapshot, whose rows have no delivery order"]);
}
