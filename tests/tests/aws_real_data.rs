//! Exports that nobody here wrote, put into the exports bucket. What the stack makes of them is what one machine makes
//! of the same files; that this is right, functions/local/tests/real_data.rs shows against the files themselves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;

use driftless_sandbox::server::{Sandbox, SandboxConfig, start};
use driftless_sandbox::store::{CopyFilter, CopyRow};
use driftless_testkit::shared;
use driftless_tests::aws::{Rig, binaries};
use tempfile::TempDir;

const SNOWPLOW: &str = "\
destination: product
kind: events
mode: append
source: { prefix: data/ }
dedupe: { window_days: 30 }
events:
  name: { column: event_name }
  time: { column: collector_tstamp }
  user_id: domain_userid
  insert_id: event_id
";

const ORDERS: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: data/, feed: snapshot, complete: sync_now }
events:
  name: { value: Order Placed }
  time: { column: order_date }
  user_id: user_id
  insert_id: id
";

const PEOPLE: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: data/ }
events:
  name: { value: Person Born }
  time: { column: birthday }
  user_id: id
  insert_id: id
  exclude: [_commit_version, _commit_timestamp, _change_type]
";

const FLIGHTS: &str = "\
destination: product
kind: events
mode: append
source: { prefix: data/ }
events:
  name: { value: Flight }
  time: { column: FlightDate }
  user_id: TailNum
  exclude: [RandomAirports]
  without_user: send_blank
";

/// A project folder on this machine with a destination of its own.
struct Machine {
    folder: TempDir,
    sandbox: Sandbox,
}

impl Machine {
    async fn new(sync: &str) -> Self {
        let (folder, sandbox) = (TempDir::new().unwrap(), start(SandboxConfig::local(0)).await.unwrap());
        fs::create_dir_all(folder.path().join("syncs")).unwrap();
        fs::create_dir_all(folder.path().join("exports/data")).unwrap();
        fs::write(folder.path().join("syncs/data.yaml"), sync).unwrap();
        let project = format!(
            "exports: ./exports\ndestinations:\n  product: {{ type: mixpanel, token: \"env:TOKEN\", url: \"{}\" }}\n",
            sandbox.url()
        );
        fs::write(folder.path().join("driftless.yaml"), project).unwrap();
        Self { folder, sandbox }
    }

    async fn sync(&self) -> i32 {
        let sync = tokio::process::Command::new(binaries().join("driftless"))
            .args(["sync", "--project"])
            .arg(self.folder.path())
            .env("TOKEN", "a-token")
            .output();
        sync.await.unwrap().status.code().unwrap()
    }

    fn copies(&self, filter: &CopyFilter) -> Vec<CopyRow> {
        let store = self.sandbox.store();
        tokio::task::block_in_place(|| store.copies(filter, 0, usize::MAX >> 1)).unwrap()
    }
}

/// The stack and the machine, given the same files.
struct Both {
    rig: Rig,
    machine: Machine,
}

impl Both {
    async fn deploy(name: &str, sync: &str) -> Option<Self> {
        let rig = Rig::deploy(name).await?;
        rig.publish(&[("data", sync)]).await;
        Some(Self { rig, machine: Machine::new(sync).await })
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        fs::write(self.machine.folder.path().join("exports/data").join(key), bytes).unwrap();
        self.rig.put(&format!("data/{key}"), bytes).await;
    }

    async fn remove(&self, key: &str) {
        fs::remove_file(self.machine.folder.path().join("exports/data").join(key)).unwrap();
        self.rig.remove(&format!("data/{key}")).await;
    }

    /// Both sync, end alike, and show the same; returns the copies that arrived by now and those that are visible.
    async fn sync(&self) -> (usize, Vec<CopyRow>) {
        let (code, said) = self.rig.driftless(&["sync", "data"]).await;
        assert_eq!(code, self.machine.sync().await, "{said}");
        let visible = self.rig.visible();
        let machine = self.machine.copies(&CopyFilter { visible: true, hide_deleted: true, ..CopyFilter::default() });
        assert!(says(&visible) == says(&machine), "the stack shows something else");
        let copies = self.rig.copies().len();
        assert_eq!(copies, self.machine.copies(&CopyFilter::default()).len(), "the stack sent more or less");
        (copies, visible)
    }
}

fn says(copies: &[CopyRow]) -> BTreeSet<(String, String, i64, String, String)> {
    let said =
        |c: &CopyRow| (c.event.clone(), c.distinct_id.clone(), c.time_ms, c.insert_id.clone(), c.properties.clone());
    copies.iter().map(said).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn appended_web_events() {
    let Some(path) = shared("data/snowplow/snowplow_web_vital_events.csv") else { return };
    let Some(both) = Both::deploy("snowplow", SNOWPLOW).await else { return };
    let bytes = fs::read(path).unwrap();
    both.put("events.csv", &bytes).await;
    assert_eq!(both.sync().await.0, 1_000, "and a junk row in quarantine");
    // The same rows under another name, and the old name gone: nothing to send.
    both.remove("events.csv").await;
    both.put("renamed.csv", &bytes).await;
    assert_eq!(both.sync().await.0, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_orders() {
    let Some(path) = shared("data/jaffle/raw_orders.csv") else { return };
    let Some(both) = Both::deploy("jaffle", ORDERS).await else { return };
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().count() - 1;
    both.put("orders.csv", text.as_bytes()).await;
    assert_eq!(both.sync().await.0, rows);

    // Three refunds, two deletes, one new order, now in two files.
    let (header, lines) = text.split_once('\n').unwrap();
    let id = |line: &str| line.split(',').next().unwrap().parse::<u32>().unwrap();
    let mut second: Vec<String> = lines.lines().filter(|line| ![7, 50].contains(&id(line))).map(String::from).collect();
    for line in second.iter_mut().filter(|line| [3, 20, 99].contains(&id(line))) {
        let (before, _) = line.rsplit_once(',').unwrap();
        *line = format!("{before},refunded");
    }
    second.push("1000,5,2018-04-30,placed".to_string());
    let file = |lines: &[String]| format!("{header}\n{}\n", lines.join("\n"));
    both.remove("orders.csv").await;
    both.put("b.csv", file(&second[..40]).as_bytes()).await;
    both.put("a.csv", file(&second[40..]).as_bytes()).await;
    let (copies, visible) = both.sync().await;
    assert_eq!((copies, visible.len()), (rows + 6, rows - 1));
    assert_eq!(visible.iter().filter(|copy| copy.properties.contains("refunded")).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_feed_of_a_delta_table() {
    let Some(path) = shared("data/delta/_derived_table_changes/cdf-table.parquet") else { return };
    let Some(both) = Both::deploy("delta", PEOPLE).await else { return };
    both.put("changes.parquet", &fs::read(path).unwrap()).await;
    let (copies, visible) = both.sync().await;
    assert_eq!((copies, visible.len()), (9, 9), "of 23 changes of 10 people");
}

#[tokio::test(flavor = "multi_thread")]
async fn flights_by_day() {
    let Some(folder) = shared("data/airline-avro/2014") else { return };
    let Some(both) = Both::deploy("flights", FLIGHTS).await else { return };
    for day in 1..=3 {
        let file = folder.join(format!("01/{day:02}/airlineStats_data_2014-01-{day:02}.avro"));
        both.put(&format!("day {day}+.avro"), &fs::read(file).unwrap()).await;
    }
    assert!(both.sync().await.0 > 500);
}
