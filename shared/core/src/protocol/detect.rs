use super::candidates::feed_candidates;
use super::limits::PLAN_LEASE_MS;
use super::snapshot::snapshot_of;
use super::store::{encode, load_checkpoint, update_checkpoint};
use super::{PlanMessage, ProtocolError, Sync};
use crate::config::{Feed, Mode};
use crate::model::{Checkpoint, Phase, RunId, RunPhase};
use crate::ports::{PortError, Ports, QueueName};

/// What detect found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detected {
    /// The checkpoint already has everything that is there.
    Nothing,
    /// The scope was claimed and a plan message sent.
    Planning,
    /// A plan or a delivery is under way; what is new will be seen when it is done.
    Busy,
    /// Nothing may be sent before this moment, because an older request may still land.
    Quiet {
        /// Milliseconds since the epoch.
        until_ms: i64,
    },
    /// A plan waits for a person.
    Held(RunId),
    /// The sync is stopped.
    Halted(String),
    /// There is something, but not all of it yet.
    Incomplete(String),
}

/// Compares what is there with the checkpoint, by metadata alone, and starts a plan if something is new.
///
/// Two detects at once are harmless: one compare-and-swap from idle to planning wins. A detect that dies after it leaves
/// a lease that runs out; the next detect takes the scope over under a new attempt, which fences out the old planner.
pub async fn detect(ports: &Ports, sync: &Sync, by_person: bool) -> Result<Detected, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    if let Some(reason) = blocked(ports, sync, &checkpoint) {
        return Ok(reason);
    }
    if !is_taken_over(ports, &checkpoint)
        && let Some(nothing) = nothing_new(ports, sync, &checkpoint, by_person).await?
    {
        return Ok(nothing);
    }
    if ports.clock.now_ms() < checkpoint.quiet_until_ms {
        return Ok(Detected::Quiet { until_ms: checkpoint.quiet_until_ms });
    }
    let owner = ports.liveness.owner();
    let lease_until_ms = ports.clock.now_ms() + PLAN_LEASE_MS;
    let claimed = update_checkpoint(ports, sync.name(), |current| {
        if blocked(ports, sync, current).is_some() || ports.clock.now_ms() < current.quiet_until_ms {
            return None;
        }
        // A takeover keeps what the person said.
        let by_person = by_person || matches!(current.phase, Phase::Planning { by_person: true, .. });
        current.attempt += 1;
        current.phase = Phase::Planning { owner: owner.clone(), lease_until_ms, by_person, started: false };
        Some(current.attempt)
    })
    .await?;
    let Some(attempt) = claimed else { return Ok(Detected::Busy) };
    send_plan(ports, sync.name(), attempt).await?;
    Ok(Detected::Planning)
}

/// Sends (again) the message for a claimed scope.
pub(super) async fn send_plan(ports: &Ports, sync: &str, attempt: u64) -> Result<(), PortError> {
    let body = encode(&PlanMessage { sync: sync.to_string(), attempt })?;
    let body = String::from_utf8_lossy(&body).into_owned();
    ports.queue.send(QueueName::Plans, vec![body], 0).await
}

/// Why the scope cannot be claimed now.
fn blocked(ports: &Ports, sync: &Sync, checkpoint: &Checkpoint) -> Option<Detected> {
    if let Some(held) = checkpoint.runs.iter().find(|run| run.phase == RunPhase::Held) {
        return Some(Detected::Held(held.run));
    }
    match &checkpoint.phase {
        Phase::Halted { reason } => return Some(Detected::Halted(reason.clone())),
        Phase::Planning { .. } if !is_taken_over(ports, checkpoint) => return Some(Detected::Busy),
        Phase::Planning { .. } | Phase::Idle => {}
    }
    // Where rows are remembered, what is being delivered decides what the next plan finds.
    if sync.keeps_row_state() && !checkpoint.runs.is_empty() {
        return Some(Detected::Busy);
    }
    (sync.config.mode == Mode::OneTime && checkpoint.closed).then_some(Detected::Nothing)
}

fn is_taken_over(ports: &Ports, checkpoint: &Checkpoint) -> bool {
    match &checkpoint.phase {
        Phase::Planning { owner, lease_until_ms, .. } => {
            ports.clock.now_ms() > lease_until_ms + super::limits::CLOCK_SKEW_MS || ports.liveness.is_dead(owner)
        }
        Phase::Idle | Phase::Halted { .. } => false,
    }
}

async fn nothing_new(
    ports: &Ports,
    sync: &Sync,
    checkpoint: &Checkpoint,
    by_person: bool,
) -> Result<Option<Detected>, ProtocolError> {
    if sync.feed(&checkpoint.lock) != Feed::Snapshot || sync.feed_is_open(&checkpoint.lock) {
        let some = checkpoint.cursor.is_some() || !feed_candidates(ports, sync, checkpoint, 1).await?.is_empty();
        return Ok((!some).then_some(Detected::Nothing));
    }
    let snapshot = snapshot_of(ports, sync, by_person).await?;
    let digest = snapshot.digest();
    if let Some(reason) = snapshot.waits_for {
        return Ok(Some(if checkpoint.snapshot.is_some() && snapshot.exports.is_empty() {
            Detected::Nothing
        } else {
            Detected::Incomplete(reason)
        }));
    }
    let refused = checkpoint.snapshot_refused.as_ref().is_some_and(|(refused, _)| *refused == digest);
    let known = sync.has_synced(checkpoint, &digest);
    Ok((known || (refused && !by_person)).then_some(Detected::Nothing))
}
