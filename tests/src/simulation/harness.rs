use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use driftless_core::config::Order;
use driftless_core::model::{BatchRef, Phase};
use driftless_core::ports::{Clock, Message, Ports, Queue, QueueName, Silent, Unmetered};
use driftless_core::protocol::limits::CLAIM_LEASE_MS;
use driftless_core::protocol::{
    Delivered, Detected, PlanMessage, ProtocolError, SeenUsers, Swept, Sync, approve, deliver, detect, dry_run,
    load_checkpoint, plan, read_quarantine, runs, sweep,
};
use driftless_exports::ExportFormats;
use driftless_testkit::memory::{InlineCompute, MemoryBlobs, MemoryExports, MemoryQueue, MemoryRowStates, MemoryTable};
use driftless_testkit::simulation::{
    Fault, FaultRates, Random, SimBlobs, SimClock, SimExports, SimIds, SimLiveness, SimQueue, SimRowStates, SimTable,
    Tasks, World,
};

use super::check::check;
use super::destination::SmallBatches;
use super::mutants::{Mutant, MutantExports, MutantRowStates, MutantTable};
use super::scenario::Scenario;
use super::sink::SimSink;
use super::source::Source;

/// 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;
/// The source changes for ten minutes, faults go on for ten more.
const WRITES_MS: i64 = 600_000;
const FAULTS_MS: i64 = 1_200_000;
/// A stalled worker, a planner's lease, a cool-down and some sweeps after the last fault.
const CONVERGES_MS: i64 = 5_400_000;
/// Messages redriven a day later find everything done.
const REDRIVE_MS: i64 = 90_000_000;
const SWEEP_MS: i64 = 300_000;
const IDLE_MS: i64 = 10_000;

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Kind of sync.
    pub scenario: Scenario,
    /// Seed of everything.
    pub seed: u64,
    /// A removed guard.
    pub mutant: Option<Mutant>,
    /// Without faults, whatever the seed says.
    pub faultless: bool,
    /// Kill whoever is at this point.
    pub crash_at: Option<u64>,
}

impl Setup {
    /// A seed with its faults.
    pub fn seeded(scenario: Scenario, seed: u64) -> Self {
        Self { scenario, seed, mutant: None, faultless: false, crash_at: None }
    }
}

/// What a simulation came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Points passed.
    pub points: u64,
    /// Faults that struck.
    pub struck: BTreeMap<Fault, u64>,
    /// Events that landed at the destination.
    pub landed: u64,
    /// Finished runs.
    pub runs: usize,
}

struct Parts {
    world: World,
    exports: MemoryExports,
    table: MemoryTable,
    blobs: MemoryBlobs,
    queue: MemoryQueue,
    row_states: MemoryRowStates,
    sink: SimSink,
    sync: Arc<Sync>,
    scenario: Scenario,
    mutant: Option<Mutant>,
}

/// Runs a simulation to its end and checks it. The error says what was broken and how to see it again.
pub fn simulate(setup: Setup) -> Result<Outcome, String> {
    run(setup).map_err(|broken| {
        format!(
            "{broken}\nreplay with DRIFTLESS_SCENARIO={:?} DRIFTLESS_SEED={} cargo test -p driftless-tests --test simulation replay -- --nocapture",
            setup.scenario, setup.seed
        )
    })
}

/// How many points a faultless run of a seed has.
pub fn crash_points(scenario: Scenario, seed: u64) -> u64 {
    let setup = Setup { faultless: true, ..Setup::seeded(scenario, seed) };
    simulate(setup).expect("a run without faults converges").points
}

fn run(setup: Setup) -> Result<Outcome, String> {
    let mut random = Random::new(setup.seed);
    let rates = if setup.faultless { FaultRates::none() } else { FaultRates::draw(&mut random) };
    let faultless = rates.is_none();
    let world = World::new(random.bits(), rates, START_MS, START_MS + FAULTS_MS);
    if let Some(point) = setup.crash_at {
        world.crash_at(point);
    }
    let parts = Arc::new(parts(&setup, &world));
    let source = Arc::new(Mutex::new(Source::new(setup.scenario, setup.seed, parts.exports.clone())));
    let mut tasks = Tasks::new(&world);
    add_workers(&mut tasks, &parts, &source);
    tasks.run_until(START_MS + CONVERGES_MS);
    futures::executor::block_on(verify(&setup, &parts, &source, faultless))?;
    // A day later old messages come back; they must find that all is done.
    tasks.run_until(world.now_ms());
    let landed = parts.sink.seen().landed;
    world_jump(&world, &mut tasks);
    futures::executor::block_on(verify(&setup, &parts, &source, faultless))?;
    let seen = parts.sink.seen();
    if seen.landed != landed {
        return Err(format!("redrive: {} events were sent again a day later", seen.landed - landed));
    }
    let count = futures::executor::block_on(runs(&truth(&parts), "sim", None)).map_err(|e| e.to_string())?.len();
    Ok(Outcome { points: world.points(), struck: world.struck(), landed: seen.landed, runs: count })
}

fn world_jump(world: &World, tasks: &mut Tasks) {
    world.jump_to(START_MS + REDRIVE_MS);
    tasks.run_until(START_MS + REDRIVE_MS + 2 * SWEEP_MS);
}

fn parts(setup: &Setup, world: &World) -> Parts {
    let hides_version = setup.seed % 2 == 1;
    let mut config = setup.scenario.config(hides_version);
    if setup.mutant == Some(Mutant::OrderIgnored) {
        config.source.order = Order::Delivery;
    }
    if setup.mutant == Some(Mutant::FoldersIgnored) {
        config.source.snapshot_folders = 0;
    }
    let destination = SmallBatches::new(&config, setup.scenario.is_amplitude(), setup.mutant);
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(world, 0));
    Parts {
        world: world.clone(),
        exports: MemoryExports::new(),
        table: MemoryTable::new(),
        blobs: MemoryBlobs::new(),
        queue: MemoryQueue::new(clock),
        row_states: MemoryRowStates::new(),
        sink: SimSink::new(world),
        sync: Arc::new(Sync::new(config, Arc::new(destination), String::new())),
        scenario: setup.scenario,
        mutant: setup.mutant,
    }
}

/// Ports as one worker sees them, with its own clock and name.
fn ports_of(parts: &Parts, worker: &str, start: u64) -> Ports {
    let world = &parts.world;
    let skew_ms = world.draw(4_001) as i64 - 2_000;
    let table = SimTable { inner: parts.table.clone(), world: world.clone() };
    let row_states = SimRowStates { inner: parts.row_states.clone(), world: world.clone() };
    let exports = SimExports { inner: parts.exports.clone(), world: world.clone() };
    Ports {
        exports: Arc::new(MutantExports { real: exports, now: parts.exports.clone(), mutant: parts.mutant }),
        formats: Arc::new(ExportFormats::new(Default::default(), Default::default())),
        blobs: Arc::new(SimBlobs { inner: parts.blobs.clone(), world: world.clone() }),
        table: Arc::new(MutantTable { real: table, mutant: parts.mutant }),
        row_states: Arc::new(MutantRowStates { real: row_states, mutant: parts.mutant }),
        queue: Arc::new(SimQueue { inner: parts.queue.clone(), world: world.clone() }),
        transport: Arc::new(parts.sink.clone()),
        clock: Arc::new(SimClock::new(world, skew_ms)),
        ids: Arc::new(SimIds(world.clone())),
        liveness: Arc::new(SimLiveness(format!("{worker}-{start}"))),
        compute: Arc::new(InlineCompute),
        observer: Arc::new(Silent),
        meter: Arc::new(Unmetered),
    }
}

/// Ports without faults, for looking.
fn truth(parts: &Parts) -> Ports {
    Ports {
        exports: Arc::new(parts.exports.clone()),
        blobs: Arc::new(parts.blobs.clone()),
        table: Arc::new(parts.table.clone()),
        row_states: Arc::new(parts.row_states.clone()),
        queue: Arc::new(parts.queue.clone()),
        ..ports_of(parts, "looker", 0)
    }
}

fn add_workers(tasks: &mut Tasks, parts: &Arc<Parts>, source: &Arc<Mutex<Source>>) {
    let workers = [
        QueueName::Notices,
        QueueName::Plans,
        QueueName::Plans,
        QueueName::Batches,
        QueueName::Batches,
        QueueName::Batches,
    ];
    for (number, queue) in workers.into_iter().enumerate() {
        let parts = parts.clone();
        tasks.add(move |start| worker(parts.clone(), queue, format!("worker-{number}"), start));
    }
    if parts.mutant != Some(Mutant::NoSweep) {
        let parts = parts.clone();
        tasks.add(move |start| sweeper(parts.clone(), start));
    }
    let (parts, source) = (parts.clone(), source.clone());
    let done = Arc::new(Mutex::new(false));
    tasks.add(move |_| writer(parts.clone(), source.clone(), done.clone()));
}

/// The warehouse. It is not part of what may be killed: what it wrote is the truth.
async fn writer(parts: Arc<Parts>, source: Arc<Mutex<Source>>, done: Arc<Mutex<bool>>) {
    let world = &parts.world;
    loop {
        let writes = world.now_ms() < START_MS + WRITES_MS;
        if !writes && std::mem::replace(&mut *done.lock().unwrap(), true) {
            world.sleep(REDRIVE_MS * 10).await;
            continue;
        }
        let is_synced = writes && is_synced(&parts).await;
        let steps =
            if writes { source.lock().unwrap().next_steps(is_synced) } else { source.lock().unwrap().last_steps() };
        let notices = SimQueue { inner: parts.queue.clone(), world: world.clone() };
        for (step, pause_ms) in steps {
            source.lock().unwrap().apply(&step, world.now_ms());
            let body = vec!["sim".to_string()];
            if !world.strikes(Fault::NoticeLost) {
                let _ = notices.inner.send(QueueName::Notices, body, 0).await;
            }
            world.sleep(pause_ms).await;
        }
        world.sleep(5_000 + world.draw(60_000) as i64).await;
    }
}

/// Whether the destination has all that is there now. Looked at only where the warehouse goes by it.
async fn is_synced(parts: &Parts) -> bool {
    if parts.scenario != Scenario::FolderSnapshot {
        return false;
    }
    let ports = truth(parts);
    let checkpoint = load_checkpoint(&ports, "sim").await.expect("the memory table answers");
    let is_idle = checkpoint.phase == Phase::Idle && checkpoint.runs.is_empty() && checkpoint.snapshot.is_some();
    let told = dry_run(&ports, &parts.sync, &SeenUsers::default()).await;
    is_idle && told.is_ok_and(|told| told.plans.is_empty() && told.note.is_none())
}

async fn sweeper(parts: Arc<Parts>, start: u64) {
    let ports = ports_of(&parts, "sweeper", start);
    loop {
        parts.world.sleep(SWEEP_MS).await;
        // A person looks at what is held, and lets it go.
        if let Ok(Swept { detected: Detected::Held(run), .. }) = sweep(&ports, &parts.sync, true).await {
            let _ = approve(&ports, &parts.sync, run).await;
        }
    }
}

async fn worker(parts: Arc<Parts>, queue: QueueName, name: String, start: u64) {
    let ports = ports_of(&parts, &name, start);
    loop {
        let received = ports.queue.receive(queue, 1, 330_000).await.unwrap_or_default();
        if received.is_empty() {
            parts.world.sleep(IDLE_MS).await;
        }
        for message in received {
            let work = std::pin::pin!(handle(&ports, &parts.sync, queue, &message));
            let timeout = std::pin::pin!(parts.world.sleep(timeout_ms(queue)));
            // F12: the platform ends an invocation that takes too long, wherever it is.
            let _ = futures::future::select(work, timeout).await;
        }
    }
}

/// A function's timeout is shorter than the lease it works under.
fn timeout_ms(queue: QueueName) -> i64 {
    match queue {
        QueueName::Notices => 60_000,
        QueueName::Plans => 900_000,
        QueueName::Batches => CLAIM_LEASE_MS - 10_000,
    }
}

async fn handle(ports: &Ports, sync: &Arc<Sync>, queue: QueueName, message: &Message) {
    let trace = std::env::var_os("DRIFTLESS_TRACE").is_some();
    let told = |what: &dyn std::fmt::Debug| {
        if trace {
            println!(
                "{} {} {queue:?} {}: {what:?}",
                ports.clock.now_ms() - START_MS,
                ports.liveness.owner(),
                message.body
            );
        }
    };
    let wait_ms = match queue {
        QueueName::Notices => detect(ports, sync, false).await.err().map(|_| 30_000),
        QueueName::Plans => {
            let wanted: PlanMessage = serde_json::from_str(&message.body).expect("own message");
            // Every other planning has time for one run only.
            let until_ms = if wanted.attempt.is_multiple_of(2) { ports.clock.now_ms() } else { i64::MAX };
            let planned = plan(ports, sync, &wanted, until_ms).await;
            told(&planned);
            match planned {
                Ok(_) | Err(ProtocolError::Halt(_)) => None,
                Err(ProtocolError::Retry(_)) => Some(30_000),
            }
        }
        QueueName::Batches => {
            let wanted: BatchRef = serde_json::from_str(&message.body).expect("own message");
            let delivered = deliver(ports, sync, &wanted).await;
            told(&delivered);
            match delivered {
                Ok(Delivered::Later { wait_ms } | Delivered::Held { wait_ms }) => Some(wait_ms),
                Ok(_) => None,
                Err(_) => Some(30_000),
            }
        }
    };
    let _ = match wait_ms {
        Some(wait_ms) => ports.queue.retry_later(queue, &message.receipt, wait_ms).await,
        None => ports.queue.ack(queue, &message.receipt).await,
    };
}

/// Keys that have a row in the quarantine; rows that are there without a key (no row state is kept) by their place.
async fn quarantined_keys(ports: &Ports) -> Result<BTreeSet<String>, String> {
    let files = read_quarantine(ports, "sim", usize::MAX).await.map_err(|e| e.to_string())?;
    let rows = files.into_iter().flat_map(|file| file.rows);
    Ok(rows.map(|row| row.key.unwrap_or_else(|| format!("{} row {}", row.export, row.row))).collect())
}

async fn verify(setup: &Setup, parts: &Parts, source: &Arc<Mutex<Source>>, faultless: bool) -> Result<(), String> {
    let ports = truth(parts);
    let checkpoint = load_checkpoint(&ports, "sim").await.map_err(|e| e.to_string())?;
    let history = runs(&ports, "sim", None).await.map_err(|e| e.to_string())?;
    let seen = parts.sink.seen();
    let quarantined = quarantined_keys(&ports).await?;
    check(
        setup.scenario,
        &source.lock().unwrap(),
        &seen,
        &checkpoint,
        &history,
        &quarantined,
        faultless && setup.crash_at.is_none(),
    )?;
    let before = (parts.table.items(), parts.blobs.objects(), parts.row_states.states("sim"));
    let plans = dry_run(&ports, &parts.sync, &SeenUsers::default()).await.map_err(|e| e.to_string())?;
    if let Some(plan) = plans.plans.iter().find(|plan| plan.billable > 0) {
        return Err(format!("convergence: at rest a plan would still send {} events", plan.billable));
    }
    if before != (parts.table.items(), parts.blobs.objects(), parts.row_states.states("sim")) {
        return Err("dry run: it changed something".to_string());
    }
    Ok(())
}
