//! The real functions on emulated AWS services: exports go in, and the destination ends equal to them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use driftless_tests::aws::{Rig, orders_csv, orders_sync};
use serde_json::json;

/// What the destination shows, by user and time: the value.
fn shown(rig: &Rig) -> BTreeMap<(String, i64, String), u64> {
    let value =
        |properties: &str| serde_json::from_str::<serde_json::Value>(properties).unwrap()["v"].as_u64().unwrap();
    rig.visible()
        .iter()
        .map(|c| ((c.distinct_id.clone(), c.time_ms, c.insert_id.clone()), value(&c.properties)))
        .collect()
}

fn values(rig: &Rig) -> Vec<u64> {
    let mut values: Vec<u64> = shown(rig).into_values().collect();
    values.sort_unstable();
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn appended_exports_arrive_once() {
    let Some(rig) = Rig::deploy("append").await else { return };
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", "dedupe: { window_days: 30 }\n"))]).await;
    rig.put("orders/a b+1.csv", orders_csv((0..100).map(|id| (id, id)))).await;
    rig.finished("orders", 1).await;
    assert_eq!(values(&rig), (0..100).collect::<Vec<u64>>());

    // The same rows under another name, with ten new ones: only these are sent.
    rig.put("orders/c.csv", orders_csv((0..110).map(|id| (id, id)))).await;
    rig.finished("orders", 2).await;
    assert_eq!(rig.copies().len(), 110);
    assert_eq!(values(&rig), (0..110).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_mirrored_with_the_fewest_changes() {
    let Some(rig) = Rig::deploy("snapshot").await else { return };
    let hold = "hold: { deletes_over_percent: 50 }\n";
    rig.publish(&[("orders", &orders_sync("mirror", "prefix: orders/, feed: snapshot, complete: each_file", hold))])
        .await;
    rig.put("orders/all.csv", orders_csv((0..50).map(|id| (id, id)))).await;
    rig.finished("orders", 1).await;
    assert_eq!(rig.copies().len(), 50);

    // Three changed, two gone, one new.
    let changed = (2..51).map(|id| (id, if id < 5 { 1_000 + id } else { id }));
    rig.put("orders/all.csv", orders_csv(changed.clone())).await;
    rig.finished("orders", 2).await;
    assert_eq!(rig.copies().len(), 50 + 3 + 2 + 1);
    let mut expected: Vec<u64> = changed.map(|(_, value)| u64::from(value)).collect();
    expected.sort_unstable();
    assert_eq!(values(&rig), expected);

    // Written again as it was: read, and nothing sent.
    rig.put("orders/all.csv", orders_csv((2..51).map(|id| (id, if id < 5 { 1_000 + id } else { id })))).await;
    rig.finished("orders", 3).await;
    assert_eq!(rig.copies().len(), 56);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_folder_that_left_the_bucket_stay() {
    let Some(rig) = Rig::deploy("folders").await else { return };
    let source = "prefix: orders/, feed: snapshot, complete: each_file, snapshot_folders: 1";
    rig.publish(&[("orders", &orders_sync("mirror", source, ""))]).await;
    rig.put("orders/dt=1/all.csv", orders_csv((0..10).map(|id| (id, id)))).await;
    rig.finished("orders", 1).await;
    rig.put("orders/dt=2/all.csv", orders_csv((10..20).map(|id| (id, id)))).await;
    rig.finished("orders", 2).await;
    rig.remove("orders/dt=1/all.csv").await;
    rig.put("orders/dt=2/all.csv", orders_csv((10..15).map(|id| (id, id)))).await;
    rig.finished("orders", 3).await;
    assert_eq!(values(&rig), (0..15).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_feed_is_followed() {
    let Some(rig) = Rig::deploy("change").await else { return };
    let source = "prefix: changes/, feed: change, op: { column: op }, order: { column: lsn }";
    rig.publish(&[("orders", &orders_sync("mirror", source, ""))]).await;
    let row = |op: &str, id: u32, value: u32, lsn: u32| format!("{op},o{id},u1,2025-01-01T00:00:00Z,{value},{lsn}\n");
    let file = |rows: &[String]| format!("op,id,user,at,v,lsn\n{}", rows.concat());
    rig.put("changes/1.csv", file(&[row("I", 1, 1, 1), row("I", 2, 2, 2), row("I", 3, 3, 3)])).await;
    rig.finished("orders", 1).await;
    rig.put("changes/2.csv", file(&[row("U", 1, 11, 4), row("D", 2, 2, 5), row("I", 4, 4, 6)])).await;
    rig.finished("orders", 2).await;
    assert_eq!(values(&rig), [3, 4, 11]);
    // A late file changes nothing.
    rig.put("changes/late.csv", file(&[row("U", 1, 7, 2)])).await;
    rig.finished("orders", 3).await;
    assert_eq!(values(&rig), [3, 4, 11]);
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_followed_from_a_change_log() {
    let Some(rig) = Rig::deploy("profiles").await else { return };
    let sync =
        "destination: product\nkind: user_profiles\nmode: mirror\nsource: { prefix: log/ }\nprofiles: { id: id }\n";
    rig.publish(&[("people", sync)]).await;
    let record = |op: &str, id: u32, name: Option<&str>, lsn: u32| {
        let row = json!({ "id": format!("u{id}"), "name": name });
        let (before, after) = if op == "d" { (row, json!(null)) } else { (json!(null), row) };
        json!({ "before": before, "after": after, "op": op, "source": { "lsn": lsn }, "ts_ms": 1 }).to_string()
    };
    let log = [record("c", 1, Some("Ann"), 1), record("c", 2, Some("Bob"), 2), record("c", 3, None, 3)];
    rig.put("log/1.jsonl", log.join("\n")).await;
    rig.finished("people", 1).await;
    rig.put("log/2.jsonl", [record("u", 1, None, 4), record("d", 2, Some("Bob"), 5)].join("\n")).await;
    rig.finished("people", 2).await;
    let store = rig.sandbox.store();
    let profiles = tokio::task::block_in_place(|| store.profiles("", "", 10)).unwrap();
    let shown: Vec<(&str, &str)> = profiles.iter().map(|row| (row.id.as_str(), row.properties.as_str())).collect();
    assert_eq!(shown, [("u1", "{}"), ("u3", "{}")]);
    let run = &driftless_core::protocol::runs(rig.stack.ports(), "people", None).await.unwrap()[1];
    assert_eq!((run.plan.billable, run.plan.updates, run.plan.deletes), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_publishes_syncs_looks_and_decides() {
    let Some(rig) = Rig::deploy("operator").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().to_str().unwrap();
    std::fs::create_dir(folder.path().join("syncs")).unwrap();
    std::fs::write(folder.path().join("driftless.yaml"), rig.project_file()).unwrap();
    let orders = orders_sync("append", "prefix: orders/", "schedule: manual\nhold: { billable_over: 20 }\n");
    std::fs::write(folder.path().join("syncs/orders.yaml"), &orders).unwrap();

    let (code, said) = rig.driftless(&["status"]).await;
    assert!(code == 1 && said.contains("driftless publish"), "{said}");
    let (code, said) = rig.driftless(&["publish", "--project", project]).await;
    assert!(code == 0 && said.contains("with 1 sync is in force"), "{said}");
    let (code, said) = rig.driftless(&["publish", "--project", project]).await;
    assert!(code == 0 && said.contains("is in force already"), "{said}");

    rig.put("orders/a.csv", orders_file(10)).await;
    let (code, said) = rig.driftless(&["plan", "--json"]).await;
    assert_eq!(code, 0, "{said}");
    let planned: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(planned[0]["plans"][0]["billable"], 10);
    assert_eq!(rig.copies().len(), 0, "a plan sends nothing, and the sync is started by hand only");

    let (code, said) = rig.driftless(&["sync"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(rig.copies().len(), 10);

    // More than the budget: held, looked at, approved.
    rig.put("orders/b.csv", orders_file(40)).await;
    let (code, said) = rig.driftless(&["sync", "orders"]).await;
    assert!(code == 3 && said.contains("held"), "{code}: {said}");
    let (code, said) = rig.driftless(&["status"]).await;
    assert!(code == 3 && said.contains("held for approval"), "{said}");
    let (code, said) = rig.driftless(&["approve", "orders"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(rig.copies().len(), 40);
    let (code, said) = rig.driftless(&["runs", "orders", "--json"]).await;
    assert!(code == 0 && said.contains("\"finished\""), "{said}");
    let (code, said) = rig.driftless(&["failures", "orders"]).await;
    assert_eq!(code, 0, "{said}");

    // What belongs to one machine is refused with a reason.
    for wrong in [&["check"][..], &["sync", "--watch"], &["demo"]] {
        let (code, said) = rig.driftless(wrong).await;
        assert!(code == 2 && said.contains("--stack"), "{wrong:?}: {said}");
    }
    std::fs::write(folder.path().join("driftless.yaml"), rig.project_file().replace("ssm:", "env:")).unwrap();
    let (code, said) = rig.driftless(&["publish", "--project", project]).await;
    assert!(code == 2 && said.contains("secretsmanager:ARN or ssm:NAME"), "{said}");
}

fn orders_file(rows: u32) -> String {
    orders_csv((0..rows).map(|id| (id, id)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_starts_shows_and_decides() {
    let Some(rig) = Rig::deploy("api").await else { return };
    let orders = orders_sync("append", "prefix: orders/", "schedule: manual\nhold: { billable_over: 20 }\n");
    rig.publish(&[("orders", &orders)]).await;
    rig.put("orders/a.csv", orders_file(10)).await;

    let start =
        |key: &str| json!({"pathParameters": {"sync": "orders"}, "headers": {"idempotency-key": key}, "body": "{}"});
    // Two at once under one key are one start.
    let route = "POST /syncs/{sync}/runs";
    let (one, other) = tokio::join!(rig.call(route, start("k1")), rig.call(route, start("k1")));
    assert_eq!((one.0, other.0), (202, 202), "{one:?} {other:?}");
    rig.finished("orders", 1).await;
    let again = rig.call(route, start("k1")).await;
    assert!(again.1["status"] == "planning" || again.1["status"] == "busy", "{again:?}");
    assert_eq!(rig.checkpoint("orders").await.last_run, 1);
    assert_eq!(rig.copies().len(), 10);
    assert_eq!(rig.call(route, start("k2")).await.1["status"], "nothing_new");

    // Over the budget: held; shown; approved once.
    rig.put("orders/b.csv", orders_file(40)).await;
    assert_eq!(rig.call(route, start("k3")).await.1["status"], "planning");
    let held = |name: &str| json!({"pathParameters": {"run": name}});
    rig.until("the run is held", async || !rig.checkpoint("orders").await.runs.is_empty()).await;
    assert_eq!(
        rig.call(route, start("k4")).await.1,
        json!({"sync": "orders", "status": "held", "request": "k4", "run": "orders:2"})
    );
    let (_, syncs) = rig.call("GET /syncs", json!({})).await;
    assert_eq!(syncs["syncs"][0]["state"], "held for approval");
    assert_eq!(
        rig.call("POST /runs/{run}/approve", held("orders:2")).await,
        (200, json!({"run": "orders:2", "status": "delivering"}))
    );
    rig.finished("orders", 2).await;
    assert_eq!(rig.call("POST /runs/{run}/approve", held("orders:2")).await.0, 409);
    assert_eq!(rig.call("POST /runs/{run}/cancel", held("orders:2")).await.0, 409);
    let (status, run) = rig.call("GET /runs/{run}", held("orders:2")).await;
    assert_eq!((status, &run["counts"]["accepted"]), (200, &json!(30)));
    let (_, runs) = rig
        .call(
            "GET /syncs/{sync}/runs",
            json!({"pathParameters": {"sync": "orders"}, "queryStringParameters": {"limit": "1"}}),
        )
        .await;
    assert_eq!((runs["runs"].as_array().unwrap().len(), &runs["runs"][0]["run"]), (1, &json!("orders:2")));

    // Programs are told by metrics and events.
    let log = std::fs::read_to_string(rig.logs.path().join("plan.log")).unwrap();
    assert!(log.lines().any(|line| line.contains("\"RunsHeld\":1") && line.contains("\"Stack\":\"api\"")), "{log}");
    let log = std::fs::read_to_string(rig.logs.path().join("deliver.log")).unwrap();
    assert!(log.lines().any(|line| line.contains("\"RunsFinished\":1")), "{log}");
    assert!(!log.contains("events are lost"), "{log}");

    // What is wrong is refused, with a reason.
    let sync = |name: &str| json!({"pathParameters": {"sync": name}});
    for (route, request, status) in [
        (route, sync("orders"), 400),
        (route, json!({"pathParameters": {"sync": "orders"}, "headers": {"idempotency-key": "k"}, "body": "{"}), 400),
        (
            route,
            json!({"pathParameters": {"sync": "orders"}, "headers": {"idempotency-key": "k"}, "body": " ".repeat(2_000)}),
            413,
        ),
        (route, json!({"pathParameters": {"sync": "nobody"}, "headers": {"idempotency-key": "k"}}), 404),
        ("GET /runs/{run}", held("orders"), 400),
        ("GET /runs/{run}", held("orders:99"), 404),
        (
            "GET /syncs/{sync}/runs",
            json!({"pathParameters": {"sync": "orders"}, "queryStringParameters": {"limit": "0"}}),
            400,
        ),
        ("$default", json!({}), 404),
    ] {
        let (answered, body) = rig.call(route, request).await;
        assert_eq!(answered, status, "{route}: {body}");
        assert!(["code", "message", "remedy"].iter().all(|field| body["error"][field].is_string()), "{body}");
    }
}
