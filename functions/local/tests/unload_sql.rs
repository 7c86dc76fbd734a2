//! The statements that unload a table for a sync.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Project;

fn sync(mode: &str, feed: &str) -> String {
    format!(
        "destination: product\nkind: events\nmode: {mode}\nsource: {{ prefix: shop/orders/, feed: {feed} }}\nschedule: daily\nevents: {{ name: {{ value: Bought }}, time: {{ column: created_at }}, user_id: user, insert_id: id }}\n"
    )
}

#[test]
fn each_warehouse_has_its_own_statement() {
    let project = Project::new()
        .sync_yaml("orders", &sync("mirror", "snapshot"))
        .sync_yaml("changes", &sync("mirror", "change").replace("orders/", "changes/"))
        .sync_yaml("facts", &sync("append", "append").replace("orders/", "facts/"));
    let wanted: [(&str, &str, &[&str]); 13] = [
        (
            "orders",
            "snowflake",
            &[
                "REMOVE @driftless/shop/orders/",
                "COPY INTO @driftless/shop/orders/_SUCCESS",
                "USING CRON 0 4 * * * UTC",
            ],
        ),
        ("changes", "snowflake", &["CREATE STREAM", "METADATA$ISUPDATE", "INCLUDE_QUERY_ID = TRUE"]),
        ("facts", "snowflake", &["APPEND_ONLY = TRUE"]),
        ("orders", "bigquery", &["EXPORT DATA", "FROM `raw.orders`"]),
        ("changes", "bigquery", &["FROM CHANGES(", "is_for_update"]),
        ("facts", "bigquery", &["created_at >= TIMESTAMP_SUB"]),
        ("orders", "databricks", &["INSERT OVERWRITE DIRECTORY 's3://my-exports/shop/orders/'"]),
        ("changes", "databricks", &["table_changes('raw.orders', \" || :from", "EXECUTE IMMEDIATE"]),
        ("facts", "databricks", &["created_at >= TIMESTAMP '\" || :from"]),
        ("orders", "redshift", &["UNLOAD ('SELECT * FROM raw.orders')", "MANIFEST VERBOSE"]),
        ("facts", "redshift", &["DATEADD(day, -1", "TO_CHAR(until_at, 'YYYYMMDDHH24')", "CALL driftless_facts()"]),
        ("orders", "postgres", &["aws_s3.query_export_to_s3", "create_s3_uri('my-exports', 'shop/orders/'"]),
        ("facts", "postgres", &["created_at >= date_trunc"]),
    ];
    for (name, warehouse, says) in wanted {
        let ran = project.run(&["unload-sql", name, "--warehouse", warehouse, "--table", "raw.orders"]).exits(0);
        ran.says(says).never_says(&["{{", "}}"]);
    }
    for warehouse in ["redshift", "postgres"] {
        project
            .run(&["unload-sql", "changes", "--warehouse", warehouse])
            .exits(2)
            .says(&["tells no changes by itself"]);
    }
    project.run(&["unload-sql", "nothing", "--warehouse", "redshift"]).exits(2).says(&["there is no sync nothing"]);
}

#[test]
fn what_does_not_go_with_the_statement_is_said() {
    let with = |name: &str, complete: &str| {
        let folder = format!("shop/{name}/, feed: snapshot, {complete}");
        sync("mirror", "snapshot").replace("shop/orders/, feed: snapshot", &folder)
    };
    let folders = "complete: { quiet_minutes: 5 }, snapshot_folders: 1";
    let project = Project::new()
        .sync_yaml("auto", &with("auto", "complete: auto"))
        .sync_yaml("each", &with("each", "complete: each_file"))
        .sync_yaml("marked", &with("marked", "complete: success_marker"))
        .sync_yaml("folders", &with("folders", folders));
    let note = |name: &str, warehouse: &str| {
        let ran = project.run(&["unload-sql", name, "--warehouse", warehouse]).exits(0);
        ran.out.lines().filter(|line| line.starts_with("-- NOTE")).collect::<Vec<_>>().join("\n")
    };
    for (name, warehouse) in [
        ("auto", "snowflake"),
        ("auto", "redshift"),
        ("auto", "databricks"),
        ("each", "postgres"),
        ("marked", "snowflake"),
    ] {
        assert_eq!(note(name, warehouse), "", "{name} {warehouse}");
    }
    assert!(note("auto", "bigquery").contains("source.complete: { quiet_minutes: 15 } in syncs/auto.yaml"));
    assert!(
        note("each", "snowflake").contains("source.complete: success_marker in syncs/each.yaml; with each_file one")
    );
    assert!(note("marked", "redshift").contains("what it waits for is not written"));
    assert!(note("folders", "bigquery").contains("into a folder of its own below shop/folders/"));
}
