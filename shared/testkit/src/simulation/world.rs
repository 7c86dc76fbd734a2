use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use driftless_core::ports::{Clock, Ids, Liveness};

use super::{Fault, FaultRates, Random};

/// What all tasks of a simulation share: time, chance, faults, and which task is running.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
}

struct State {
    now_ms: i64,
    random: Random,
    rates: FaultRates,
    faults_until_ms: i64,
    struck: BTreeMap<Fault, u64>,
    points: u64,
    crash_at_point: Option<u64>,
    /// The task that is being polled.
    running: usize,
    /// Sleeps of each task: when they end, and whom to wake. Futures inside a set are only polled when they were woken.
    timers: BTreeMap<usize, Vec<(i64, Waker)>>,
    crashed: bool,
    tokens: u64,
}

impl World {
    /// A world at a moment.
    pub fn new(seed: u64, rates: FaultRates, now_ms: i64, faults_until_ms: i64) -> Self {
        let state = State {
            now_ms,
            random: Random::new(seed),
            rates,
            faults_until_ms,
            struck: BTreeMap::new(),
            points: 0,
            crash_at_point: None,
            running: 0,
            timers: BTreeMap::new(),
            crashed: false,
            tokens: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills whoever is at this point, counted from 0; for the crash matrix.
    pub fn crash_at(&self, point: u64) {
        self.state().crash_at_point = Some(point);
    }

    /// Points passed so far.
    pub fn points(&self) -> u64 {
        self.state().points
    }

    /// Virtual time.
    pub fn now_ms(&self) -> i64 {
        self.state().now_ms
    }

    pub(super) fn advance_to(&self, at_ms: i64) {
        let mut state = self.state();
        state.now_ms = state.now_ms.max(at_ms);
    }

    /// Moves time on without running anything.
    pub fn jump_to(&self, at_ms: i64) {
        self.advance_to(at_ms);
    }

    /// How often each fault struck.
    pub fn struck(&self) -> BTreeMap<Fault, u64> {
        self.state().struck.clone()
    }

    /// Whether a fault strikes now.
    pub fn strikes(&self, fault: Fault) -> bool {
        let mut state = self.state();
        if state.now_ms >= state.faults_until_ms {
            return false;
        }
        let rate = state.rates.rate(fault);
        let strikes = state.random.chance(rate);
        if strikes {
            *state.struck.entry(fault).or_insert(0) += 1;
        }
        strikes
    }

    /// A number below `below`.
    pub fn draw(&self, below: u64) -> u64 {
        self.state().random.below(below)
    }

    /// A point of a port: takes a little time, sometimes much, and may be the end of the task.
    pub async fn point(&self) {
        let wait_ms = {
            let mut state = self.state();
            let point = state.points;
            state.points += 1;
            if state.crash_at_point == Some(point) {
                state.crash_at_point = None;
                state.crashed = true;
            }
            state.random.below(20) as i64
        };
        let crashes = self.state().crashed || self.strikes(Fault::Crash);
        if crashes {
            self.state().crashed = true;
            std::future::pending::<()>().await;
        }
        let stall_ms = if self.strikes(Fault::Stall) { self.draw(400_000) as i64 } else { 0 };
        self.sleep(wait_ms + stall_ms).await;
    }

    /// Waits in virtual time.
    pub async fn sleep(&self, duration_ms: i64) {
        let until_ms = self.now_ms() + duration_ms.max(0);
        Sleep { world: self.clone(), until_ms, started: false }.await;
    }

    /// Before a task is polled: wakes those of its sleeps that are over.
    pub(super) fn begin(&self, task: usize) {
        let mut state = self.state();
        state.running = task;
        let now_ms = state.now_ms;
        let timers = state.timers.entry(task).or_default();
        let (over, waiting) = std::mem::take(timers).into_iter().partition(|(at_ms, _)| *at_ms <= now_ms);
        *timers = waiting;
        drop(state);
        let over: Vec<(i64, Waker)> = over;
        over.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// After a task was polled: when it wants to be polled again; `None` if it was killed.
    pub(super) fn end(&self, task: usize) -> Option<i64> {
        let mut state = self.state();
        if std::mem::take(&mut state.crashed) {
            state.timers.remove(&task);
            return None;
        }
        let next = state.timers.get(&task).and_then(|timers| timers.iter().map(|(at_ms, _)| *at_ms).min());
        Some(next.unwrap_or(i64::MAX))
    }

    /// Forgets the sleeps of a task that has ended.
    pub(super) fn forget(&self, task: usize) {
        self.state().timers.remove(&task);
    }

    /// A fresh token.
    pub fn token(&self) -> String {
        let mut state = self.state();
        state.tokens += 1;
        format!("token-{}", state.tokens)
    }
}

struct Sleep {
    world: World,
    until_ms: i64,
    started: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.started && self.world.now_ms() >= self.until_ms {
            return Poll::Ready(());
        }
        self.started = true;
        let mut state = self.world.state();
        let running = state.running;
        state.timers.entry(running).or_default().push((self.until_ms, context.waker().clone()));
        Poll::Pending
    }
}

/// A worker's clock, off by its own few seconds (F19).
pub struct SimClock {
    world: World,
    skew_ms: i64,
}

impl SimClock {
    /// Off by `skew_ms`.
    pub fn new(world: &World, skew_ms: i64) -> Self {
        Self { world: world.clone(), skew_ms }
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.world.now_ms() + self.skew_ms
    }

    async fn sleep_ms(&self, duration_ms: i64) {
        self.world.sleep(duration_ms).await;
    }
}

/// Tokens and jitter from the world's seed.
pub struct SimIds(pub World);

impl Ids for SimIds {
    fn token(&self) -> String {
        self.0.token()
    }

    fn jitter(&self, below: u64) -> u64 {
        self.0.draw(below)
    }
}

/// A worker that is only known by its leases.
pub struct SimLiveness(pub String);

impl Liveness for SimLiveness {
    fn owner(&self) -> String {
        self.0.clone()
    }

    fn is_dead(&self, _: &str) -> bool {
        false
    }
}
