//! All functions in one process: workers over the queues, and sweeps, until nothing is left to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use driftless_core::model::BatchRef;
use driftless_core::ports::{Message, Ports, QueueName};
use driftless_core::protocol::limits::{CLAIM_LEASE_MS, LATE_BOUND_MS, PLAN_LEASE_MS};
use driftless_core::protocol::{
    Delivered, Detected, PlanMessage, ProtocolError, Sync, cancel_halt, deliver, detect, plan, sweep,
};
use tokio::task::JoinSet;

/// Batches delivered at the same time: Mixpanel advises 10 to 20 clients
/// (docs.mixpanel.com/reference/import-events, 2026-08-21).
const DELIVER_WORKERS: usize = 20;
/// Syncs planned at the same time: a plan uses every core.
const PLAN_WORKERS: usize = 2;
/// How long an idle worker waits before it looks again.
const IDLE: Duration = Duration::from_millis(10);
/// How long at most, when there was nothing for a while.
const IDLE_MAX: Duration = Duration::from_millis(30);
/// How long a failed step waits before it is tried again.
const RETRY_MS: i64 = 2_000;
/// How long a run goes on although the destination takes nothing: several rounds of the longest back-off and a cool-down.
const PATIENCE_MS: i64 = 10 * 60_000;
/// How long a run waits for a moment from which on something new may be sent: a request that may still land.
const QUIET_MAX_MS: i64 = 2 * LATE_BOUND_MS;
/// Passing failures of one message after which the run ends and says so.
const FAILURES_MAX: u32 = 20;

/// A sync with its ports.
pub type Syncs = BTreeMap<String, (Arc<Sync>, Ports)>;

/// What a run of the engine ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What went wrong, by sync.
    pub errors: Vec<(String, String)>,
    /// What is waited for, by sync: a person, or exports that are not complete.
    pub waiting: Vec<(String, String)>,
}

struct Engine {
    syncs: Syncs,
    ports: Ports,
    by_person: bool,
    handling: AtomicUsize,
    handled: AtomicUsize,
    /// Until when nothing new may start.
    not_before_ms: AtomicI64,
    stop: AtomicBool,
    errors: std::sync::Mutex<Vec<(String, String)>>,
    plan_failures: AtomicUsize,
    last_progress_ms: AtomicI64,
}

/// Works until every sync is quiet: nothing new, nothing under way. A person's start lifts an earlier stop.
pub async fn run_until_quiet(ports: &Ports, syncs: &Syncs) -> Result<Ended, ProtocolError> {
    for (sync, ports) in syncs.values() {
        cancel_halt(ports, sync).await?;
    }
    run(ports, syncs, true).await
}

/// Works until quiet for what came by itself.
pub async fn run_pending(ports: &Ports, syncs: &Syncs) -> Result<Ended, ProtocolError> {
    run(ports, syncs, false).await
}

async fn run(ports: &Ports, syncs: &Syncs, by_person: bool) -> Result<Ended, ProtocolError> {
    let engine = Arc::new(Engine {
        syncs: syncs.clone(),
        ports: ports.clone(),
        by_person,
        handling: AtomicUsize::new(0),
        handled: AtomicUsize::new(0),
        not_before_ms: AtomicI64::new(0),
        stop: AtomicBool::new(false),
        errors: std::sync::Mutex::new(Vec::new()),
        plan_failures: AtomicUsize::new(0),
        last_progress_ms: AtomicI64::new(ports.clock.now_ms()),
    });
    let mut workers = JoinSet::new();
    for _ in 0..DELIVER_WORKERS {
        workers.spawn(work(engine.clone(), QueueName::Batches));
    }
    for _ in 0..PLAN_WORKERS {
        workers.spawn(work(engine.clone(), QueueName::Plans));
    }
    workers.spawn(work(engine.clone(), QueueName::Notices));
    let waiting = supervise(&engine).await;
    engine.stop.store(true, Ordering::SeqCst);
    while workers.join_next().await.is_some() {}
    let errors = engine.errors.lock().map(|e| e.clone()).unwrap_or_default();
    Ok(Ended { errors, waiting: waiting? })
}

/// Detects once for the person, then sweeps whenever the workers are idle, until a sweep finds nothing.
async fn supervise(engine: &Engine) -> Result<Vec<(String, String)>, ProtocolError> {
    let mut failures = 0;
    loop {
        match settle_all(engine).await {
            Ok(Some(waiting)) => return Ok(waiting),
            Ok(None) => failures = 0,
            Err(ProtocolError::Retry(_)) if failures < FAILURES_MAX => failures += 1,
            Err(error) => return Err(error),
        }
        engine.wait_until_idle().await;
    }
}

/// One look at every sync; `None` if there is work left.
async fn settle_all(engine: &Engine) -> Result<Option<Vec<(String, String)>>, ProtocolError> {
    let mut waiting = Vec::new();
    let mut quiet = true;
    for (name, (sync, ports)) in &engine.syncs {
        if engine.has_failed(name) {
            continue;
        }
        let swept = sweep(ports, sync, true).await?;
        let detected = match swept.detected {
            Detected::Nothing | Detected::Incomplete(_) if engine.by_person => detect(ports, sync, true).await?,
            other => other,
        };
        quiet &= swept.delivering == 0;
        match detected {
            Detected::Nothing => {}
            Detected::Planning | Detected::Busy => quiet = false,
            Detected::Quiet { until_ms } => {
                let wait_ms = (until_ms - ports.clock.now_ms()).max(0);
                if wait_ms > QUIET_MAX_MS {
                    let minutes = wait_ms / 60_000 + 1;
                    let window = format!(
                        "what is new waits {minutes} minutes, for the destination to have read what was sent; run driftless sync again then, or leave it running with --watch"
                    );
                    waiting.push((name.clone(), window));
                    continue;
                }
                let cause = match sync.destination.rest_ms() {
                    0 => "a request without an answer may still arrive; later changes wait for it",
                    _ => "later changes wait until the destination has read what was sent",
                };
                quiet = false;
                ports.observer.note(driftless_core::ports::Progress::BackingOff { sync: name, wait_ms, cause });
                engine.not_before(until_ms);
            }
            Detected::Held(run) => waiting.push((name.clone(), format!("run {} is held for approval", run.0))),
            Detected::Halted(reason) => engine.fail(name, reason),
            Detected::Incomplete(reason) => waiting.push((name.clone(), reason)),
        }
    }
    Ok(quiet.then_some(waiting))
}

async fn work(engine: Arc<Engine>, queue: QueueName) {
    let hide_ms = if queue == QueueName::Plans { PLAN_LEASE_MS } else { CLAIM_LEASE_MS };
    let mut idle = IDLE;
    while !engine.stop.load(Ordering::SeqCst) {
        let received = engine.ports.queue.receive(queue, 1, hide_ms).await.unwrap_or_default();
        let worked = !received.is_empty();
        for message in received {
            engine.handling.fetch_add(1, Ordering::SeqCst);
            engine.handle(queue, &message).await;
            engine.handled.fetch_add(1, Ordering::SeqCst);
            engine.handling.fetch_sub(1, Ordering::SeqCst);
        }
        idle = if worked { IDLE } else { (idle * 2).min(IDLE_MAX) };
        if !worked {
            tokio::time::sleep(idle).await;
        }
    }
}

/// What to do with a message.
enum Next {
    Ack,
    Later(i64),
}

impl Engine {
    async fn handle(&self, queue: QueueName, message: &Message) {
        let next = match queue {
            QueueName::Notices => self.notice(&message.body).await,
            QueueName::Plans => self.plan(message).await,
            QueueName::Batches => self.batch(message).await,
        };
        // A failed ack means that the message comes again, which is harmless.
        let _ = match next {
            Next::Ack => self.ports.queue.ack(queue, &message.receipt).await,
            Next::Later(wait_ms) => self.ports.queue.retry_later(queue, &message.receipt, wait_ms).await,
        };
    }

    async fn notice(&self, name: &str) -> Next {
        if let Some((sync, ports)) = self.syncs.get(name)
            && let Err(error) = detect(ports, sync, self.by_person).await
        {
            tracing::warn!(sync = name, %error, "detect failed; the next sweep tries again");
        }
        Next::Ack
    }

    async fn plan(&self, message: &Message) -> Next {
        let Ok(wanted) = serde_json::from_str::<PlanMessage>(&message.body) else { return Next::Ack };
        // A message of another sync than those asked for stays where it is.
        let Some((sync, ports)) = self.syncs.get(&wanted.sync) else { return Next::Later(RETRY_MS) };
        match plan(ports, sync, &wanted, i64::MAX).await {
            Ok(planned) => {
                if !planned.stale {
                    self.last_progress_ms.store(self.ports.clock.now_ms(), Ordering::SeqCst);
                    self.plan_failures.store(0, Ordering::SeqCst);
                }
                Next::Ack
            }
            Err(error) => {
                // The scope is free again and the next sweep plans it anew; only the count of failures goes on.
                let failures = self.plan_failures.fetch_add(1, Ordering::SeqCst) as u32 + 1;
                self.not_before(self.ports.clock.now_ms() + RETRY_MS);
                self.failed(&wanted.sync, &error, failures);
                Next::Ack
            }
        }
    }

    async fn batch(&self, message: &Message) -> Next {
        let Ok(wanted) = serde_json::from_str::<BatchRef>(&message.body) else { return Next::Ack };
        let Some((sync, ports)) = self.syncs.get(&wanted.sync) else { return Next::Later(RETRY_MS) };
        match deliver(ports, sync, &wanted).await {
            Ok(Delivered::Settled | Delivered::Stale) => {
                self.last_progress_ms.store(self.ports.clock.now_ms(), Ordering::SeqCst);
                Next::Ack
            }
            Ok(Delivered::Later { wait_ms }) => {
                self.not_before(self.ports.clock.now_ms() + wait_ms);
                Next::Later(wait_ms)
            }
            // Whoever holds it is at work in this process; waiting for the end of its lease would be in vain.
            Ok(Delivered::Held { wait_ms }) => Next::Later(wait_ms),
            Ok(Delivered::WaitsForPerson(_)) => Next::Ack,
            Ok(Delivered::Halted(reason)) => {
                self.fail(&wanted.sync, reason);
                Next::Ack
            }
            Err(error) => self.failed(&wanted.sync, &error, message.received),
        }
    }

    fn failed(&self, sync: &str, error: &ProtocolError, received: u32) -> Next {
        match error {
            ProtocolError::Retry(_) if received < FAILURES_MAX => {
                self.not_before(self.ports.clock.now_ms() + RETRY_MS);
                Next::Later(RETRY_MS)
            }
            ProtocolError::Retry(reason) | ProtocolError::Halt(reason) => {
                self.fail(sync, reason.clone());
                Next::Ack
            }
        }
    }

    fn fail(&self, sync: &str, reason: String) {
        if let Ok(mut errors) = self.errors.lock()
            && !errors.iter().any(|(name, known)| name == sync && *known == reason)
        {
            errors.push((sync.to_string(), reason));
        }
    }

    /// Ends the wait for a destination that takes nothing. What waits is kept, and the next sync goes on with it.
    fn give_up(&self, sync: &str) {
        let minutes = PATIENCE_MS / 60_000;
        self.fail(sync, format!("the destination took nothing for {minutes} minutes; what was planned is kept. Check the connection and the destination, then run driftless sync again"));
    }

    fn has_failed(&self, sync: &str) -> bool {
        self.errors.lock().is_ok_and(|errors| errors.iter().any(|(name, _)| name == sync))
    }

    fn not_before(&self, at_ms: i64) {
        self.not_before_ms.fetch_max(at_ms, Ordering::SeqCst);
    }

    /// Waits until no worker has had anything to do for a moment and nothing was put off.
    async fn wait_until_idle(&self) {
        loop {
            let before = self.handled.load(Ordering::SeqCst);
            tokio::time::sleep(IDLE_MAX * 2).await;
            let idle = self.handling.load(Ordering::SeqCst) == 0 && self.handled.load(Ordering::SeqCst) == before;
            if self.ports.clock.now_ms() - self.last_progress_ms.load(Ordering::SeqCst) > PATIENCE_MS {
                for name in self.syncs.keys() {
                    self.give_up(name);
                }
                return;
            }
            if idle && self.ports.clock.now_ms() > self.not_before_ms.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}
