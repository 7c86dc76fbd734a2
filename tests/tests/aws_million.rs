//! What rows cost in AWS, counted. A million of them, with what they took:
//! `DRIFTLESS_ROWS=1000000 cargo test --release --workspace --test aws_million -- --nocapture`. Times are those of the
//! emulator, one Python process; requests and their units are those of AWS.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use driftless_benches::format::{Format, Packing};
use driftless_benches::generate::{Plan, find_or_generate};
use driftless_benches::sink::Sink;
use driftless_core::config::{ConfigFiles, PROJECT_FILE};
use driftless_core::model::{Cost, RunId, RunStatus, Usage};
use driftless_core::protocol::runs;
use driftless_host::RandomIds;
use driftless_testkit::repository;
use driftless_tests::aws::Rig;

/// Files that the rows are spread over.
const FILES: usize = 4;
/// How long the emulator may take.
const SCENARIO_MAX: Duration = Duration::from_secs(1_800);

/// A scenario, and the most dollars that a million rows of it may cost.
const SCENARIOS: [(&str, &str, f64); 4] = [
    ("append", "mode: append\nsource: { prefix: events/ }\ndedupe: off\n", 0.03),
    ("append with row state", "mode: append\nsource: { prefix: events/ }\ndedupe: { window_days: 30 }\n", 0.80),
    ("change feed", "mode: mirror\nsource: { prefix: events/, feed: change, order: { column: created_at } }\n", 0.80),
    ("snapshot", "mode: mirror\nsource: { prefix: events/, feed: snapshot, complete: sync_now }\n", 0.80),
];

const EVENTS: &str = "\
destination: product
kind: events
events:
  name: { column: event_name }
  time: { column: created_at }
  user_id: customer_id
  insert_id: event_id
  json_properties: [extra]
";

/// The most that a million rows of a snapshot in which nothing changed may cost.
const UNCHANGED_MAX: f64 = 0.005;

#[tokio::test(flavor = "multi_thread")]
async fn rows_cost_no_more_than_promised() {
    let rows: u64 = std::env::var("DRIFTLESS_ROWS").map_or(20_000, |rows| rows.parse().unwrap());
    let plan = Plan { rows, seed: 1, files: FILES, out: repository().join(format!("benches/data/aws-{rows}")) };
    let data = find_or_generate(&plan, Format::Jsonl(Packing::Gzip)).unwrap();
    for (n, (name, mode, most)) in SCENARIOS.into_iter().enumerate() {
        let Some(rig) = Rig::deploy_with(&format!("million{n}"), false).await else { return };
        let sink = Sink::bind(0, Duration::ZERO).await.unwrap();
        let url = format!("http://{}", sink.address().unwrap());
        tokio::spawn(sink.serve());
        let project = rig.project_file().replace(&rig.sandbox.url(), &url);
        let sync = format!("{EVENTS}{mode}");
        let files = BTreeMap::from([
            (PROJECT_FILE.to_string(), project),
            ("syncs/events.yaml".to_string(), format!("{sync}schedule: manual\n")),
        ]);
        let files = ConfigFiles(files);
        files.parse().expect("a configuration without problems");
        rig.stack.config_store().publish(&files, &RandomIds::new()).await.unwrap();
        put(&rig, &data.files).await;
        let (cost, rows_sent) = measure(&rig, name, 0, rows).await;
        assert_eq!(rows_sent, rows);
        assert!(requests(&cost) * 1e6 / rows as f64 <= most, "{name}: {cost:?}");
        if name == "snapshot" {
            let before = rig.checkpoint("events").await.last_run;
            put(&rig, &data.files).await;
            let (cost, rows_sent) = measure(&rig, "unchanged snapshot", before, rows).await;
            assert_eq!(rows_sent, 0);
            assert!(requests(&cost) * 1e6 / rows as f64 <= UNCHANGED_MAX, "{name}: {cost:?}");
        }
        rig.tick().await;
        for (function, lambda) in &rig.functions {
            let usage = lambda.usage();
            println!(
                "  {function:<8} {:>5} calls, {:>7.1} s billed, {} starts, longest init {:>5.1} ms, peak {:>4} MB of {}",
                usage.calls,
                usage.billed.as_secs_f64(),
                usage.starts,
                usage.longest_init.as_secs_f64() * 1e3,
                usage.peak_kb >> 10,
                lambda.function.memory_mb,
            );
        }
    }
}

/// Dollars without those of time, which differ from machine to machine.
fn requests(cost: &Cost) -> f64 {
    cost.total - cost.lambda
}

async fn put(rig: &Rig, files: &[std::path::PathBuf]) {
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        rig.put(&format!("events/{name}"), fs::read(file).unwrap()).await;
    }
}

/// Starts the sync and waits for it; prints what the runs after `before` say they used, and what the proxy counted.
async fn measure(rig: &Rig, name: &str, before: u64, rows: u64) -> (Cost, u64) {
    let counted_before = rig.proxy.requests();
    let began = Instant::now();
    let request = serde_json::json!({"pathParameters": {"sync": "events"}, "headers": {"idempotency-key": name.replace(' ', "-")}});
    let (status, body) = rig.call("POST /syncs/{sync}/runs", request).await;
    assert_eq!(status, 202, "{body}");
    let finished = loop {
        let records = runs(rig.stack.ports(), "events", Some(RunId(before))).await.unwrap();
        let is_done = records.iter().all(|record| record.status == RunStatus::Finished);
        if is_done && records.iter().map(|record| record.counts.read).sum::<u64>() >= rows {
            break records;
        }
        assert!(began.elapsed() < SCENARIO_MAX, "{name}: {:?}", rig.checkpoint("events").await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let took = began.elapsed();
    let (mut usage, mut sent_bytes, mut sent, mut read) = (Usage::default(), 0, 0, 0);
    for record in finished {
        usage.add(&record.usage);
        sent_bytes += record.settled.request_bytes;
        sent += record.settled.accepted;
        read += record.counts.read;
    }
    let cost = Cost::of(&usage, sent_bytes);
    println!(
        "{name}: {read} rows read, {sent} sent, {:.1} s, {:.0} rows/s",
        took.as_secs_f64(),
        read as f64 / took.as_secs_f64()
    );
    println!("  {usage:?}");
    println!("  {cost:?}");
    let counted: BTreeMap<String, u64> = rig
        .proxy
        .requests()
        .into_iter()
        .map(|(operation, count)| (operation.clone(), count - counted_before.get(&operation).copied().unwrap_or(0)))
        .filter(|(_, count)| *count > 0)
        .collect();
    println!("  counted between functions and AWS: {counted:?}");
    (cost, sent)
}
