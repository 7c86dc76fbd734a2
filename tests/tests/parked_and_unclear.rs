//! What delivery does about lines that have to wait, and about answers that never came.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::config::{parse_project, parse_sync};
use driftless_core::model::{BatchRef, HoldReason, RunId, RunPhase, RunStatus};
use driftless_core::ports::{Ports, QueueName, Request, Response, Silent, Transport, TransportError, Unmetered};
use driftless_core::protocol::limits::DAY_MS;
use driftless_core::protocol::{
    Delivered, PlanMessage, Sync, approve, deliver, detect, load_checkpoint, load_run, plan,
};
use driftless_destinations::sync_of;
use driftless_exports::ExportFormats;
use driftless_testkit::memory::{
    CountingIds, InlineCompute, ManualClock, MemoryBlobs, MemoryExports, MemoryQueue, MemoryRowStates, MemoryTable,
    NobodyDead,
};

/// 2026-01-02.
const NOW_MS: i64 = 1_767_312_000_000;

type Answer = Result<Response, TransportError>;

/// Answers as it is told, then takes everything; remembers how many lines each request had.
#[derive(Clone, Default)]
struct Destination {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    lines: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Transport for Destination {
    async fn send(&self, request: Request) -> Answer {
        self.lines.lock().unwrap().push(request.body.iter().filter(|byte| **byte == b'\n').count());
        let told = self.answers.lock().unwrap().pop_front();
        told.unwrap_or_else(|| said(200, r#"{"code":200}"#))
    }
}

fn said(status: u16, body: &str) -> Answer {
    Ok(Response { status, retry_after_s: None, body: Bytes::from(body.to_string()) })
}

fn no_answer() -> Answer {
    Err(TransportError::Ambiguous("timed out".into()))
}

struct World {
    clock: ManualClock,
    destination: Destination,
    ports: Ports,
    sync: Arc<Sync>,
}

/// A sync of new events to Amplitude with one run of three rows that is being delivered.
async fn planned(answers: Vec<Answer>) -> World {
    let project = "exports: ./x\ndestinations: { product: { type: amplitude, api_key: 'env:K' } }";
    let project = parse_project("driftless.yaml", project).unwrap();
    let yaml = "destination: product\nkind: events\nmode: append\nsource: { prefix: rows/ }\nevents: { name: { value: e }, time: { column: at }, user_id: user, insert_id: id }\n";
    let config = parse_sync("s.yaml", "s", yaml).unwrap();
    let sync = Arc::new(sync_of(&config, &project, String::new()).unwrap());
    let clock = ManualClock::at(NOW_MS);
    let (exports, destination) = (MemoryExports::new(), Destination::default());
    destination.answers.lock().unwrap().extend(answers);
    let ports = Ports {
        exports: Arc::new(exports.clone()),
        formats: Arc::new(ExportFormats::default()),
        blobs: Arc::new(MemoryBlobs::new()),
        table: Arc::new(MemoryTable::new()),
        row_states: Arc::new(MemoryRowStates::new()),
        queue: Arc::new(MemoryQueue::new(Arc::new(clock.clone()))),
        transport: Arc::new(destination.clone()),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(CountingIds::seeded(1)),
        liveness: Arc::new(NobodyDead::default()),
        compute: Arc::new(InlineCompute),
        observer: Arc::new(Silent),
        meter: Arc::new(Unmetered),
    };
    let rows: String = (0..3).map(|n| format!("{n},2026-01-01,user-{n}\n")).collect();
    exports.put("rows/1.csv", format!("id,at,user\n{rows}"), NOW_MS);
    detect(&ports, &sync, false).await.unwrap();
    let message = ports.queue.receive(QueueName::Plans, 1, 1_000).await.unwrap().remove(0);
    let wanted: PlanMessage = serde_json::from_str(&message.body).unwrap();
    let runs = plan(&ports, &sync, &wanted, i64::MAX).await.unwrap().runs;
    assert_eq!(runs.len(), 1);
    World { clock, destination, ports, sync }
}

impl World {
    async fn deliver(&self) -> Delivered {
        let batch = BatchRef { sync: "s".into(), run: RunId(1), batch: 0, config: String::new() };
        deliver(&self.ports, &self.sync, &batch).await.unwrap()
    }

    fn lines(&self) -> Vec<usize> {
        self.destination.lines.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn what_got_no_answer_longer_ago_than_a_week_waits_for_a_person() {
    // Four times no answer: the worker gives the batch back.
    let world = planned((0..4).map(|_| no_answer()).collect()).await;
    assert!(matches!(world.deliver().await, Delivered::Later { .. }));
    let tried = world.lines().len();
    assert_eq!(tried, 4);

    // A day later it would be known again.
    world.clock.advance(DAY_MS);
    world.destination.answers.lock().unwrap().extend((0..4).map(|_| no_answer()));
    assert!(matches!(world.deliver().await, Delivered::Later { .. }));
    assert_eq!(world.lines().len(), 8);

    // A week later not: nothing is sent, and a person is asked.
    world.clock.advance(7 * DAY_MS);
    assert_eq!(world.deliver().await, Delivered::WaitsForPerson(RunId(1)));
    assert_eq!(world.lines().len(), 8);
    let checkpoint = load_checkpoint(&world.ports, "s").await.unwrap();
    assert_eq!(checkpoint.runs[0].phase, RunPhase::Held);
    let record = load_run(&world.ports, "s", RunId(1)).await.unwrap().unwrap();
    assert_eq!((record.status, record.plan.holds), (RunStatus::Held, vec![HoldReason::UnclearTooOld { days: 7 }]));

    assert!(approve(&world.ports, &world.sync, RunId(1)).await.unwrap());
    assert_eq!(world.deliver().await, Delivered::Settled);
    assert_eq!(world.lines().len(), 9);
    let record = load_run(&world.ports, "s", RunId(1)).await.unwrap().unwrap();
    assert_eq!((record.status, record.counts.accepted), (RunStatus::Finished, 3));
}

#[tokio::test]
async fn who_has_to_wait_waits_and_the_others_go_on() {
    let throttled = said(429, r#"{"code":429,"throttled_users":{"user-1":9},"throttled_events":[1]}"#);
    let world = planned(vec![throttled]).await;
    assert_eq!(world.deliver().await, Delivered::Settled);
    // All three, then two at once, then the one after its wait.
    assert_eq!(world.lines(), [3, 2, 1]);
}

#[tokio::test]
async fn what_was_taken_is_not_sent_again() {
    // The day of one user is full: the batch comes back in an hour, without the lines that were taken.
    let full = || said(429, r#"{"code":429,"exceeded_daily_quota_users":{"user-1":500001},"throttled_events":[1]}"#);
    let world = planned(vec![full()]).await;
    let Delivered::Later { wait_ms } = world.deliver().await else { panic!() };
    assert!(wait_ms > 3_500_000, "{wait_ms}");
    assert_eq!(world.lines(), [3, 2]);
    world.clock.advance(wait_ms);
    assert_eq!(world.deliver().await, Delivered::Settled);
    assert_eq!(world.lines(), [3, 2, 1]);
    let record = load_run(&world.ports, "s", RunId(1)).await.unwrap().unwrap();
    assert_eq!((record.counts.accepted, record.counts.rejected, record.settled.requests), (3, 0, 3));
}

#[tokio::test]
async fn refused_lines_are_quarantined_and_the_rest_is_sent_again() {
    let bad = said(
        400,
        r#"{"code":400,"error":"Invalid field values on some events","events_with_invalid_fields":{"time":[0]}}"#,
    );
    let world = planned(vec![bad]).await;
    assert_eq!(world.deliver().await, Delivered::Settled);
    assert_eq!(world.lines(), [3, 2]);
    let record = load_run(&world.ports, "s", RunId(1)).await.unwrap().unwrap();
    assert_eq!((record.counts.accepted, record.counts.rejected), (2, 1));
}
