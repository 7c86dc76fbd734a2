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
        ("changes", "databricks", &["table_changes('raw.orders', :from, :until)"]),
        ("facts", "databricks", &["created_at >= :from"]),
        ("orders", "redshift", &["UNLOAD ('SELECT * FROM raw.orders')", "MANIFEST VERBOSE"]),
        ("facts", "redshift", &["DATEADD(hour, -1"]),
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
