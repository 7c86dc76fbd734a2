//! Lookup tables, through the real command to a sandbox.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;
use driftless_sandbox::faults::FaultPlan;

const ID: &str = "0b3ddde1-cb5b-4b9c-9a6f-5dbe09e8c5f6";

const PRODUCTS: &str = "\
destination: product
kind: lookup_table
mode: mirror
source: { prefix: products/, complete: each_file }
hold: { deletes_at_least: 1000 }
lookup_table: { id: ID, key: sku, exclude: [cost] }
";

fn project(faults: FaultPlan) -> Project {
    let project = Project::with_faults(faults).sync_yaml("products", &PRODUCTS.replace("ID", ID));
    project.write("account.txt", "robot:secret");
    project.write(
        "driftless.yaml",
        format!(
            "exports: ./exports\ndestinations:\n  product: {{ type: mixpanel, project_id: \"7\", service_account: \"file:account.txt\", url: \"{}\" }}\n",
            project.url()
        ),
    );
    project
}

#[test]
fn a_table_is_replaced_whole_when_a_row_differs() {
    let project = project(FaultPlan::default());
    project.export("products/1.csv", "sku,name,cost,sizes\nb1,\"Box, big\",7,\"[\"\"s\"\",\"\"m\"\"]\"\na1,Apple,1,\n");
    project.run(&["plan"]).exits(0).says(&["would send 2 table rows (not billed) in 1 request"]);
    project.sync().exits(0).counts(&[("plan/inserts", 2), ("settled/requests", 1)]);
    assert_eq!(
        project.lookup_table(ID).unwrap(),
        "sku,name,sizes\nb1,\"Box, big\",\"[\"\"s\"\",\"\"m\"\"]\"\na1,Apple,\n"
    );

    // What is excluded and the order of rows change nothing.
    project.export("products/2.csv", "sku,name,cost,sizes\na1,Apple,2,\nb1,\"Box, big\",8,\"[\"\"s\"\",\"\"m\"\"]\"\n");
    project.sync().exits(0).counts(&[("counts/unchanged", 2), ("settled/requests", 0)]);

    // One changed, one gone, one new: the table goes out whole.
    project.export("products/3.csv", "sku,name,cost,sizes\na1,Apples,2,\nc1,Cup,3,\nd1,Dish,3,\n");
    project.sync().exits(0).counts(&[("plan/inserts", 2), ("plan/updates", 1), ("counts/deleted_by_absence", 1)]);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apples,\nc1,Cup,\nd1,Dish,\n");
    project.export("products/4.csv", "sku,name,cost,sizes\na1,Apples,2,\nc1,Cup,3,\n");
    project.sync().exits(0).counts(&[("counts/unchanged", 2), ("counts/deleted_by_absence", 1)]);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apples,\nc1,Cup,\n");
    project.run(&["verify", "products"]).exits(1).says(&["verify cannot read lookup tables"]);
}

#[test]
fn a_slow_down_replaces_it_all_the_same() {
    let project = project(FaultPlan { rate_429: 0.7, retry_after_s: Some(1), seed: 3, ..FaultPlan::default() });
    project.export("products/1.csv", "sku,name,cost,sizes\na1,Apple,1,\n");
    project.sync().exits(0);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apple,\n");
}

#[test]
fn a_row_that_cannot_be_sent_holds_the_table() {
    let project = project(FaultPlan::default());
    project.export("products/1.csv", "sku,name,cost,sizes\na1,Apple,1,\n,Nothing,1,\n");
    project.sync().exits(3);
    assert_eq!(project.lookup_table(ID), None);
    project.run(&["approve", "products"]).exits(4);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apple,\n");
}

#[test]
fn a_row_that_a_held_table_lost_comes_back_with_the_next() {
    let project = project(FaultPlan::default());
    let good = "sku,name,cost,sizes\na1,Apple,1,\nb1,Box,1,\n";
    project.export("products/1.csv", good);
    project.sync().exits(0);
    // Two rows of one key: what b1 is now cannot be known, and the table goes out without it.
    project.export("products/2.csv", "sku,name,cost,sizes\na1,Apples,1,\nb1,Box,1,\nb1,Crate,1,\n");
    project.sync().exits(3);
    project.run(&["approve", "products"]).exits(4);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apples,\n");
    project.export("products/3.csv", "sku,name,cost,sizes\na1,Apples,1,\nb1,Box,1,\n");
    project.sync().exits(0).counts(&[("plan/inserts", 1), ("counts/unchanged", 1)]);
    assert_eq!(project.lookup_table(ID).unwrap(), "sku,name,sizes\na1,Apples,\nb1,Box,\n");
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let check = |yaml: String, says: &str| {
        let project = project(FaultPlan::default()).sync_yaml("products", &yaml.replace("ID", ID));
        project.run(&["check"]).exits(2).says(&[says]);
    };
    check(PRODUCTS.replace("mode: mirror", "mode: append"), "a lookup table is always replaced whole");
    check(PRODUCTS.replace(", complete: each_file", ""), "needs to know when the table is whole");
    check(
        PRODUCTS.replace("lookup_table: {", "profiles: { id: x }\nlookup_table: {"),
        "profiles: is no mapping of kind lookup_table",
    );
    let many: Vec<String> = (0..17).map(|n| format!("c{n}")).collect();
    let events = "events: { name: { value: E }, time: { column: t }, insert_id: [COLUMNS] }"
        .replace("COLUMNS", &many.join(", "));
    check(
        format!("destination: product\nkind: events\nmode: mirror\nsource: {{ prefix: p/ }}\n{events}\n"),
        "names more than 16 columns",
    );
    let project = Project::new().sync_yaml("products", &PRODUCTS.replace("ID", ID));
    project.run(&["check"]).exits(2).says(&["kind lookup_table needs destinations.product.service_account"]);
}
