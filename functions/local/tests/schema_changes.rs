//! Columns come and go, the mapping changes: what the plan says, and what becomes of rows that were sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use serde_json::{Value, json};

const SYNC: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: t/, feed: snapshot, complete: each_file }
events: { name: { value: Bought }, time: { column: at }, user_id: user, insert_id: id }
";

const BEFORE: &str = "id,at,user,item\n1,2026-01-01,u1,pen\n2,2026-01-01,u2,ink\n3,2026-01-01,u3,cup\n";
/// A new column, filled for two rows; one of them changed otherwise, too; and a new row.
const AFTER: &str = "id,at,user,item,color\n1,2026-01-01,u1,pen,red\n2,2026-01-01,u2,oil,blue\n3,2026-01-01,u3,cup,\n4,2026-01-01,u4,tea,green\n";

fn with(policy: &str) -> Project {
    let project = Project::new().sync_yaml("t", &format!("{SYNC}schema_changes: {policy}\n"));
    project.export("t/1.csv", BEFORE);
    project.sync().exits(0).counts(&[("plan/inserts", 3)]);
    project.export("t/1.csv", AFTER);
    project
}

fn colors(project: &Project) -> Vec<(Value, Value)> {
    let mut found: Vec<(Value, Value)> = project
        .events()
        .iter()
        .map(|event| (event["properties"]["id"].clone(), event["properties"]["color"].clone()))
        .collect();
    found.sort_by_key(|(id, _)| id.as_u64());
    found
}

#[test]
fn new_columns_are_applied_and_counted() {
    let project = with("apply");
    project.run(&["plan"]).exits(0).says(&[
        "new columns: color",
        "1 rows differ only in columns that are new, and are updated for it",
        "would send 3 events",
    ]);
    project.sync().exits(0).counts(&[("plan/updates", 2), ("plan/inserts", 1)]);
    assert_eq!(
        colors(&project),
        [(json!(1), json!("red")), (json!(2), json!("blue")), (json!(3), Value::Null), (json!(4), json!("green"))]
    );
}

#[test]
fn rows_that_were_sent_may_stay_as_they_are() {
    let project = with("new_rows_only");
    project.run(&["plan"]).exits(0).says(&["1 rows differ only in columns that are new, and stay as they were sent"]);
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/inserts", 1), ("counts/unchanged", 2)]);
    let expected =
        [(json!(1), Value::Null), (json!(2), json!("blue")), (json!(3), Value::Null), (json!(4), json!("green"))];
    assert_eq!(colors(&project), expected);
    // Nor later; until something else about them changes.
    project.export("t/1.csv", format!("{AFTER}\n"));
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    project.export("t/1.csv", AFTER.replace("pen,red", "nib,red"));
    project.sync().exits(0).counts(&[("plan/updates", 1)]);
    assert_eq!(colors(&project)[0], (json!(1), json!("red")));
}

#[test]
fn a_person_may_be_asked_first() {
    let project = with("hold");
    project.sync().exits(3);
    project.run(&["status"]).says(&["held"]);
    project.run(&["runs", "t"]).exits(0);
    project.run(&["approve", "t"]).exits(0);
    assert_eq!(colors(&project).len(), 4);
    // A dropped column, and another mapping.
    project.export(
        "t/1.csv",
        AFTER
            .replace(",color", "")
            .replace(",red", "")
            .replace(",blue", "")
            .replace("cup,", "cup")
            .replace(",green", ""),
    );
    project.sync().exits(3);
    project.run(&["plan"]).says(&["held"]);
    project.run(&["reject", "t"]).exits(0);

    let project = with("new_rows_only");
    project.write("syncs/t.yaml", format!("{SYNC}schema_changes: new_rows_only\n").replace("Bought", "Sold"));
    project
        .run(&["plan"])
        .exits(3)
        .says(&["columns or the mapping changed, and 3 rows that were sent would be updated"]);
}

#[test]
fn a_renamed_column_is_told_from_a_new_one() {
    let project = Project::new().sync_yaml("t", SYNC);
    project.export("t/1.csv", BEFORE);
    project.sync().exits(0);
    project.export("t/1.csv", BEFORE.replace("item", "article").replace("cup", "mug"));
    project.run(&["plan"]).exits(0).says(&[
        "new columns: article",
        "columns that are gone: item",
        "2 rows differ only in that column item is called article now, and are updated for it",
        "set events.properties: { item: article }",
        "would send 3 events",
    ]);
    // Under the old name only the other change is left.
    let project = project.sync_yaml("t", &SYNC.replace(" user_id", " properties: { item: article }, user_id"));
    project.run(&["plan"]).exits(0).says(&["would send 1 event "]).never_says(&["is called"]);
    project.sync().exits(0).counts(&[("plan/updates", 1), ("counts/unchanged", 2)]);
    assert!(project.events().iter().all(|event| event["properties"].get("article").is_none()));
}

#[test]
fn a_column_that_holds_something_else_is_named() {
    let project = Project::new().sync_yaml("t", SYNC);
    let row =
        |id: u32, price: &str| format!("{{\"id\":{id},\"at\":\"2026-01-01\",\"user\":\"u\",\"price\":{price}}}\n");
    project.export("t/1.jsonl", row(1, "1") + &row(2, "2"));
    project.sync().exits(0);
    project.export("t/1.jsonl", row(1, "1") + &row(2, "2.5"));
    project.run(&["plan"]).exits(0).never_says(&["column price"]);
    project.export("t/1.jsonl", row(1, "\"1\"") + &row(2, "\"2\""));
    let said = "column price held whole numbers and holds text now";
    project
        .run(&["plan"])
        .exits(0)
        .says(&[said, "another type, or another mapping, 2 rows that were sent are updated"]);
    project.sync().exits(0).counts(&[("plan/updates", 2)]);
    project.export("t/1.jsonl", row(1, "\"1\"") + &row(2, "\"3\""));
    project.run(&["plan"]).exits(0).never_says(&["column price"]);

    // Where columns have no types of their own, text stays text.
    let project = Project::new().sync_yaml(
        "t",
        &SYNC.replace("feed: snapshot, complete: each_file", "feed: append").replace("mirror", "append"),
    );
    for (number, (price, says)) in [("1", false), ("free", true), ("2", false), ("gift", false)].iter().enumerate() {
        let day = number + 1;
        project.export(&format!("t/{day}.csv"), format!("id,at,user,price\n{day},2026-01-0{day},u,{price}\n"));
        let plan = project.run(&["plan"]);
        let word = "column price held whole numbers and holds text now";
        if *says {
            plan.says(&[word])
        } else {
            plan.never_says(&[word])
        };
        project.sync();
    }
}
