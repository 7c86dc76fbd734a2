//! Planning: reads pinned exports, works out the fewest changes, stages them as batches, and commits them by one
//! compare-and-swap. A dry run is the same code without staging and commit.

mod append;
mod change;
mod commit;
mod context;
mod decide;
mod draft;
mod expected;
mod folders;
mod guards;
mod index;
mod lock;
mod lookup_table;
mod map;
mod read;
mod reduce;
mod selection;
mod send;
mod snapshot;
mod stage;
mod tally;
mod warnings;

use std::sync::Arc;

use context::PlanContext;
pub use expected::{ExpectedRow, expected_rows};
pub use selection::Replay;
pub use tally::{Tally, TallyLine, tally};

use super::error::ProtocolError;
use super::snapshot::snapshot_of;
use super::store::{load_checkpoint, update_checkpoint};
use super::{PlanMessage, SeenUsers, Sync};
use crate::config::{Feed, Kind, Mode};
use crate::model::{Checkpoint, Phase, PlanSummary, RunId, RunPhase};
use crate::ports::{Ports, Progress};

/// What planning came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Runs that were committed, with what each will do. Empty if there was nothing to do.
    pub runs: Vec<(RunId, PlanSummary)>,
    /// The message was an old copy: another attempt has the scope.
    pub stale: bool,
}

/// Plans a claimed scope and commits the runs. Of two copies of a message one takes the scope, by raising the attempt;
/// the other finds it raised and does nothing. After a passing failure the scope is free for the next message.
///
/// A feed is planned run by run; after `until_ms` no further run begins, and the next detect goes on at the cursor.
pub async fn plan(
    ports: &Ports,
    sync: &Arc<Sync>,
    message: &PlanMessage,
    until_ms: i64,
) -> Result<Planned, ProtocolError> {
    let Some((checkpoint, by_person)) = take(ports, sync, message.attempt).await? else {
        return Ok(Planned { stale: true, ..Planned::default() });
    };
    let attempt = checkpoint.attempt;
    let context = PlanContext { until_ms, ..PlanContext::committing(ports, sync, &checkpoint, by_person) };
    let failed = match run_plan(context, checkpoint).await {
        Ok(planned) => return Ok(planned),
        Err(failed) => failed,
    };
    if let ProtocolError::Halt(reason) = &failed {
        ports.observer.note(Progress::Stopped { sync: sync.name(), reason });
    }
    update_checkpoint(ports, sync.name(), |current| {
        let Phase::Planning { started, .. } = &mut current.phase else { return None };
        if current.attempt != attempt {
            return None;
        }
        match &failed {
            ProtocolError::Retry(_) => *started = false,
            ProtocolError::Halt(reason) => current.phase = Phase::Halted { reason: reason.clone() },
        }
        Some(())
    })
    .await?;
    Err(failed)
}

/// Takes a scope for planning under a fresh attempt.
async fn take(ports: &Ports, sync: &Sync, attempt: u64) -> Result<Option<(Checkpoint, bool)>, ProtocolError> {
    let owner = ports.liveness.owner();
    let lease_until_ms = ports.clock.now_ms() + super::limits::PLAN_LEASE_MS;
    let taken = update_checkpoint(ports, sync.name(), |current| match current.phase {
        // A planning that failed in passing has a later attempt than the message that comes again for it.
        Phase::Planning { started: false, by_person, .. } if attempt <= current.attempt => {
            current.attempt += 1;
            current.phase = Phase::Planning { owner: owner.clone(), lease_until_ms, by_person, started: true };
            Some((current.clone(), by_person))
        }
        _ => None,
    })
    .await?;
    Ok(taken)
}

/// What a dry run told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// The runs that a plan would commit now.
    pub plans: Vec<PlanSummary>,
    /// Why nothing, or not all, would be planned now.
    pub note: Option<String>,
}

/// What a plan would be, without changing anything anywhere. `seen_users` makes the dry runs of one command know of each
/// other's users.
pub async fn dry_run(ports: &Ports, sync: &Arc<Sync>, seen_users: &SeenUsers) -> Result<DryRun, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let mut told = DryRun::default();
    if let Some(open) = checkpoint.runs.first() {
        let word = if open.phase == RunPhase::Held { "is held for approval" } else { "is not finished" };
        told.note =
            Some(format!("run {} {word}; this is planned beside it and will change once it is done", open.run.0));
    }
    if sync.config.mode == Mode::OneTime && checkpoint.closed {
        told.note = Some("the one-time load was done; later exports are not read".to_string());
        return Ok(told);
    }
    let is_open = sync.feed_is_open(&checkpoint.lock);
    if sync.feed(&checkpoint.lock) == Feed::Snapshot
        && !is_open
        && let Some(note) = waits_for(ports, sync).await?
    {
        told.note = Some(note);
        return Ok(told);
    }
    let context = PlanContext { seen_users: seen_users.clone(), ..PlanContext::dry(ports, sync, &checkpoint) };
    told.plans = run_plan(context, checkpoint).await?.runs.into_iter().map(|(_, summary)| summary).collect();
    // Only the exports could tell that they are a snapshot.
    if told.plans.is_empty() && is_open {
        told.note = waits_for(ports, sync).await?.or(told.note);
    }
    Ok(told)
}

async fn waits_for(ports: &Ports, sync: &Sync) -> Result<Option<String>, ProtocolError> {
    Ok(snapshot_of(ports, sync, true).await?.waits_for.map(|reason| format!("waits: {reason}")))
}

/// Plans quarantined rows again, under the mapping as it is now. Returns `None` if the scope is busy.
pub async fn replay(ports: &Ports, sync: &Arc<Sync>, replay: Replay) -> Result<Option<Planned>, ProtocolError> {
    let owner = ports.liveness.owner();
    let lease_until_ms = ports.clock.now_ms() + super::limits::PLAN_LEASE_MS;
    let claimed = update_checkpoint(ports, sync.name(), |current| {
        let free = matches!(current.phase, Phase::Idle | Phase::Halted { .. }) && current.runs.is_empty();
        free.then(|| {
            current.attempt += 1;
            current.phase = Phase::Planning { owner: owner.clone(), lease_until_ms, by_person: true, started: true };
            current.clone()
        })
    })
    .await?;
    let Some(checkpoint) = claimed else { return Ok(None) };
    let context = PlanContext::committing(ports, sync, &checkpoint, true).replaying(replay);
    Ok(Some(run_plan(context, checkpoint).await?))
}

async fn run_plan(mut context: PlanContext, checkpoint: Checkpoint) -> Result<Planned, ProtocolError> {
    lock::prepare(&mut context, &checkpoint).await?;
    let planned = match context.sync.feed(&context.lock) {
        Feed::Snapshot if context.sync.config.kind == Kind::LookupTable => {
            lookup_table::plan_lookup_table(&mut context, &checkpoint).await?
        }
        Feed::Snapshot => snapshot::plan_snapshot(&mut context, &checkpoint).await?,
        Feed::Change => change::plan_changes(&mut context, &checkpoint).await?,
        // Rows of an append feed that a mirror follows are upserts: changes without deletes.
        Feed::Append | Feed::Auto if context.sync.config.mode == Mode::Mirror => {
            change::plan_changes(&mut context, &checkpoint).await?
        }
        Feed::Append | Feed::Auto => append::plan_append(&mut context, &checkpoint).await?,
    };
    if !context.is_dry && planned.is_empty() {
        commit::release(&context).await?;
    }
    Ok(Planned { runs: planned, stale: false })
}
