//! The real functions under faults: messages lost and repeated, functions killed, the destination down, the
//! configuration changed amid a run. The destination ends equal to the source.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use driftless_core::model::Phase;
use driftless_core::ports::QueueName;
use driftless_sandbox::store::CopyRow;
use driftless_tests::aws::{Fault, FaultRule, Invoked, Rig, orders_csv, orders_sync};
use serde_json::json;

/// A row as the destination shows it: user, day, value.
type Shown = (String, i64, u64);

fn expected(rows: &BTreeMap<u32, u32>) -> Vec<Shown> {
    // 2025-01-01 in milliseconds.
    let day = |id: &u32| 1_735_689_600_000 + i64::from(id % 28) * 86_400_000;
    let mut shown: Vec<Shown> = rows.iter().map(|(id, v)| (format!("u{}", id % 7), day(id), u64::from(*v))).collect();
    shown.sort();
    shown
}

fn shown(rig: &Rig) -> Vec<Shown> {
    let value =
        |properties: &str| serde_json::from_str::<serde_json::Value>(properties).unwrap()["v"].as_u64().unwrap();
    let mut shown: Vec<Shown> =
        rig.visible().iter().map(|copy| (copy.distinct_id.clone(), copy.time_ms, value(&copy.properties))).collect();
    shown.sort();
    shown
}

fn numbers(range: std::ops::Range<u32>) -> BTreeMap<u32, u32> {
    range.map(|id| (id, id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_finds_what_no_notice_told() {
    let Some(rig) = Rig::deploy_with("silent", false).await else { return };
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", ""))]).await;
    rig.put("orders/a.csv", orders_csv(numbers(0..50))).await;
    assert!(matches!(rig.tick().await, Invoked::Answer(_)));
    rig.finished("orders", 1).await;
    assert_eq!(shown(&rig), expected(&numbers(0..50)), "one tick is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_messages_are_sent_again() {
    let Some(rig) = Rig::deploy("lossy").await else { return };
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", ""))]).await;
    for (function, queue, rows) in [("plan", QueueName::Plans, 0..50), ("deliver", QueueName::Batches, 50..100)] {
        rig.pause(function, true);
        rig.put(&format!("orders/{function}.csv"), orders_csv(numbers(rows))).await;
        rig.until("the message is there", async || {
            let checkpoint = rig.checkpoint("orders").await;
            function == "plan" && checkpoint.attempt > 0 || !checkpoint.runs.is_empty()
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        rig.lose_messages(queue).await;
        rig.pause(function, false);
        assert!(matches!(rig.tick().await, Invoked::Answer(_)));
        rig.finished("orders", 1).await;
    }
    rig.finished("orders", 2).await;
    assert_eq!(shown(&rig), expected(&numbers(0..100)));
    assert_eq!(rig.copies().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_that_come_again_change_nothing() {
    let Some(rig) = Rig::deploy("redrive").await else { return };
    let version = rig
        .publish(&[("orders", &orders_sync("mirror", "prefix: orders/, feed: snapshot, complete: each_file", ""))])
        .await;
    rig.put("orders/all.csv", orders_csv(numbers(0..50))).await;
    rig.finished("orders", 1).await;
    let mut rows = numbers(0..50);
    rows.insert(7, 700);
    rig.put("orders/all.csv", orders_csv(rows.clone())).await;
    rig.finished("orders", 2).await;
    assert_eq!(rig.copies().len(), 51);
    let before = rig.checkpoint("orders").await;

    // A week later, from the dead letters: the first notice, the first plans, the first batches.
    let key = format!("{}orders/all.csv", rig.settings.exports_prefix);
    let notice =
        json!({"Records": [{"s3": {"bucket": {"name": rig.settings.exports_bucket}, "object": {"key": key}}}]});
    for _ in 0..3 {
        rig.send(QueueName::Notices, &notice.to_string()).await;
        rig.send(QueueName::Notices, "orders").await;
        for attempt in 1..=before.attempt {
            rig.send(QueueName::Plans, &json!({"sync": "orders", "attempt": attempt}).to_string()).await;
        }
        for run in 1..=2 {
            let batch = json!({"sync": "orders", "run": run, "batch": 0, "config": version});
            rig.send(QueueName::Batches, &batch.to_string()).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.until("all are dealt with", async || !rig.is_busy()).await;
    assert_eq!(rig.checkpoint("orders").await, before);
    assert_eq!(rig.copies().len(), 51);
    assert_eq!(shown(&rig), expected(&rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_throttled_and_answers_that_are_lost() {
    let Some(rig) = Rig::deploy("throttled").await else { return };
    let dedupe = "dedupe: { window_days: 30 }\n";
    let source = "prefix: changes/, feed: change, op: { column: op }, order: { column: lsn }";
    rig.publish(&[
        ("facts", &orders_sync("append", "prefix: facts/", dedupe)),
        ("changes", &orders_sync("mirror", source, "").replace("Order }", "Change }")),
    ])
    .await;
    let rule = |operation, every, fault| FaultRule { operation, every, fault };
    rig.proxy.set(&[
        rule("DynamoDB.UpdateItem", 4, Fault::LostAnswer),
        rule("DynamoDB.GetItem", 5, Fault::Throttled),
        rule("DynamoDB.BatchWriteItem", 2, Fault::Unprocessed),
        rule("DynamoDB.BatchGetItem", 2, Fault::Unprocessed),
        rule("DynamoDB.Query", 5, Fault::ServerError),
        rule("S3.PUT", 5, Fault::LostAnswer),
        rule("S3.GET", 6, Fault::Throttled),
        rule("SQS.SendMessage", 3, Fault::LostAnswer),
        rule("SQS.ChangeMessageVisibility", 2, Fault::Throttled),
    ]);
    let rows = numbers(0..300);
    rig.put("facts/a.csv", orders_csv(rows.clone())).await;
    let change = |(id, v): (&u32, &u32)| format!("U,o{id},u{},2025-01-{:02}T00:00:00Z,{v},{v}\n", id % 7, 1 + id % 28);
    let file =
        |rows: &BTreeMap<u32, u32>| format!("op,id,user,at,v,lsn\n{}", rows.iter().map(change).collect::<String>());
    rig.put("changes/a.csv", file(&rows)).await;
    rig.put("changes/b.csv", file(&rows.keys().map(|id| (*id, id + 1_000)).collect())).await;
    for sync in ["facts", "changes"] {
        rig.until("it is delivered", async || {
            let checkpoint = rig.checkpoint(sync).await;
            rig.tick().await;
            checkpoint.last_run > 0 && checkpoint.runs.is_empty() && checkpoint.phase == Phase::Idle
        })
        .await;
    }
    assert!(rig.proxy.faults() > 20, "{:?}", rig.proxy.requests());
    rig.proxy.set(&[]);
    rig.tick().await;
    let of = |event: &str| rig.visible().into_iter().filter(|copy| copy.event == event).collect::<Vec<_>>();
    assert_eq!(of("Order").len(), 300);
    let changed = of("Change");
    assert_eq!(changed.len(), 300);
    let value = |copy: &CopyRow| serde_json::from_str::<serde_json::Value>(&copy.properties).unwrap()["v"].as_u64();
    let values: BTreeSet<_> = changed.iter().filter_map(value).collect();
    assert_eq!(values, (1_000..1_300).collect(), "each shows its newest value");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_configuration_it_was_planned_under() {
    let Some(rig) = Rig::deploy("republish").await else { return };
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", ""))]).await;
    rig.pause("deliver", true);
    rig.put("orders/a.csv", orders_csv(numbers(0..10))).await;
    rig.until("it is planned", async || !rig.checkpoint("orders").await.runs.is_empty()).await;
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", "").replace("Order }", "Purchase }"))]).await;
    rig.pause("deliver", false);
    rig.finished("orders", 1).await;
    assert!(rig.copies().iter().all(|copy| copy.event == "Order"));
    rig.put("orders/b.csv", orders_csv(numbers(10..20))).await;
    rig.finished("orders", 2).await;
    assert_eq!(rig.copies().iter().filter(|copy| copy.event == "Purchase").count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_down_gets_everything_later() {
    let Some(rig) = Rig::deploy("down").await else { return };
    rig.publish(&[("orders", &orders_sync("append", "prefix: orders/", ""))]).await;
    rig.set_faults(json!({"rate_5xx": 0.5, "rate_429": 0.5, "seed": 1})).await;
    rig.put("orders/a.csv", orders_csv(numbers(0..50))).await;
    rig.until("it was tried", async || rig.functions["deliver"].is_busy()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(rig.copies().is_empty());
    rig.set_faults(json!({})).await;
    rig.finished("orders", 1).await;
    assert_eq!(rig.copies().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_and_double_nothing() {
    let Some(rig) = Rig::deploy("killed").await else { return };
    rig.publish(&[
        ("orders", &orders_sync("append", "prefix: orders/", "dedupe: { window_days: 30 }\nrun: { rows_max: 3000 }\n")),
        (
            "table",
            &orders_sync(
                "mirror",
                "prefix: table/, feed: snapshot, complete: each_file",
                "hold: { deletes_over_percent: 100 }\n",
            )
            .replace("Order }", "Row }"),
        ),
    ])
    .await;
    let (mut kills, mut round) = (0, 0u32);
    let mut table = numbers(0..3_000);
    while kills < 100 {
        if round % 40 == 0 && round < 1_000 {
            let first = round / 40 * 1_000;
            rig.put(&format!("orders/{first}.csv"), orders_csv(numbers(first..first + 2_500))).await;
            table.retain(|id, _| id % 97 != round % 97);
            table.extend((0..3_000).filter(|id| id % 89 == round % 89).map(|id| (id, id + round)));
            rig.put("table/all.csv", orders_csv(table.clone())).await;
        }
        round += 1;
        let names: Vec<&str> = rig.functions.keys().map(String::as_str).collect();
        let victim = names[(round as usize * 7) % names.len()];
        kills += u32::from(rig.functions[victim].kill_busy(round as usize));
        if round % 10 == 0 && !rig.is_busy() {
            for name in ["orders", "table"] {
                rig.let_an_hour_pass(name).await;
            }
            rig.tick().await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(7 + round % 23))).await;
        assert!(round < 20_000, "{kills} kills");
    }
    // The faults stop: every tick finds what is stuck.
    for tick in 0.. {
        rig.until("nobody works", async || !rig.is_busy()).await;
        let (orders, rows) = (rig.checkpoint("orders").await, rig.checkpoint("table").await);
        let quiet = [&orders, &rows]
            .iter()
            .all(|c| c.runs.is_empty() && c.phase == driftless_core::model::Phase::Idle && c.cursor.is_none());
        if quiet && tick > 2 {
            break;
        }
        assert!(tick < 200, "{orders:?}\n{rows:?}");
        for name in ["orders", "table"] {
            rig.let_an_hour_pass(name).await;
        }
        assert!(matches!(rig.tick().await, Invoked::Answer(_)));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let last = (round.min(1_000) - 1) / 40 * 1_000 + 2_500;
    let visible = rig.visible();
    let of = |event: &str| visible.iter().filter(|copy| copy.event == event).count();
    assert_eq!(of("Order"), last as usize);
    assert_eq!(of("Row"), table.len());
    let mut all = expected(&numbers(0..last));
    all.extend(expected(&table));
    all.sort();
    assert_eq!(shown(&rig), all);
}
