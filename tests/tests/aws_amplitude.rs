//! Amplitude through the stack: events by its API, changes of events as mutation files in a bucket.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use driftless_sandbox::amplitude::project::Project;
use driftless_tests::aws::Rig;
use serde_json::{Value, json};

const APPEND: &str = "\
destination: product
kind: events
mode: append
source: { prefix: facts/ }
events: { name: { value: Seen }, time: { column: at }, user_id: user, insert_id: id }
";

const MIRROR: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: orders/, feed: change, op: { column: op }, order: { column: lsn } }
events: { name: { value: Bought }, time: { column: at }, user_id: user, insert_id: id }
";

/// Items by id, of events of one name.
fn shown(project: &Project, name: &str) -> BTreeMap<String, (Value, Value)> {
    project
        .events()
        .map(|stored| &stored.event)
        .filter(|event| event["event_type"] == name)
        .map(|event| {
            let properties = &event["event_properties"];
            (properties["id"].to_string(), (event["user_id"].clone(), properties["item"].clone()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_mutation_files_arrive() {
    let Some(rig) = Rig::deploy("amplitude").await else { return };
    let mirror = "driftless-mirror";
    rig.account.s3().create_bucket().bucket(mirror).send().await.unwrap();
    rig.publish_project(rig.amplitude_project_file(mirror), &[("facts", APPEND), ("orders", MIRROR)]).await;

    let rows: String = (0..3_000).map(|n| format!("{n},2026-01-01,user-{n},thing\n")).collect();
    rig.put("facts/1.csv", format!("id,at,user,item\n{rows}")).await;
    let header = "op,id,at,user,item,lsn\n";
    rig.put(
        "orders/1.csv",
        format!("{header}I,1,2026-01-01,user-1,pen,1\nI,2,2026-01-01,user-2,ink,2\nI,3,2026-01-01,user-3,cup,3\n"),
    )
    .await;
    rig.finished("facts", 1).await;
    rig.finished("orders", 1).await;
    assert_eq!(shown(&rig.sandbox.store().amplitude(), "Seen").len(), 3_000);

    rig.put(
        "orders/2.csv",
        format!("{header}U,1,2026-01-01,user-1,nib,4\nU,2,2026-01-01,user-9,ink,5\nD,3,2026-01-01,user-3,cup,6\n"),
    )
    .await;
    rig.finished("orders", 2).await;

    // What Amplitude would read, each run's files in its own window.
    let listed = rig.account.s3().list_objects_v2().bucket(mirror).prefix("mirror/").send().await.unwrap();
    let mut project = Project::default();
    let mut names: Vec<String> = listed.contents().iter().filter_map(|o| o.key().map(String::from)).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("mirror/orders-00000001-000000-"), "{names:?}");
    for name in &names {
        let object = rig.account.s3().get_object().bucket(mirror).key(name).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().into_bytes();
        assert_eq!(project.read_file(name, &bytes, 0), Ok(true));
    }
    let expected = [("1", ("user-1", "nib")), ("2", ("user-9", "ink"))];
    let expected: BTreeMap<String, (Value, Value)> =
        expected.map(|(id, (user, item))| (id.to_string(), (json!(user), json!(item)))).into();
    assert_eq!(shown(&project, "Bought"), expected);
    assert_eq!((project.file_counts.unmatched, project.file_counts.dropped), (0, 0));
}
