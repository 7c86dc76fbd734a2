use super::context::PlanContext;
use super::draft::Draft;
use super::guards::holds;
use super::warnings::add_warnings;
use crate::config::Mode;
use crate::model::{
    Checkpoint, Cursor, OpenRun, Phase, PlanSummary, RunId, RunPhase, RunRecord, RunStatus, SchemaLock, Settled,
};
use crate::ports::{PortError, Progress};
use crate::protocol::batches;
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::PLAN_LEASE_MS;
use crate::protocol::store::{add_run, save_plan, update_checkpoint};
use crate::protocol::users::{NamedUsers, compare_users};

/// What follows a run within the same planning.
pub(super) enum Next {
    /// Another run of this planning: the scope stays claimed.
    GoOn(Cursor),
    /// Planning ends here; a later one goes on at the cursor, or looks for new exports.
    End(Option<Cursor>),
}

/// Commits a draft: one compare-and-swap makes it an open run. Before it nothing counts, after it sweep would finish it.
/// Returns `None` if another attempt has taken the scope over.
pub(super) async fn commit(
    context: &PlanContext,
    checkpoint: &Checkpoint,
    mut draft: Draft,
    snapshot: bool,
    next: Next,
) -> Result<Option<(RunId, PlanSummary)>, ProtocolError> {
    let named = NamedUsers { mapping: context.sync.mapping(), users: &draft.observed.users, is_whole: snapshot };
    let seen = context.is_dry.then_some(&context.seen_users);
    draft.users = compare_users(&context.ports, &context.sync, named, seen).await?;
    add_warnings(context, &mut draft);
    draft.stager.finish(context).await?;
    let mut guarded = holds(context, checkpoint, &draft, snapshot);
    draft.holds.append(&mut guarded);
    let more = match &next {
        Next::GoOn(_) => true,
        Next::End(cursor) => cursor.is_some(),
    };
    let summary = draft.finish(context, more).await?;
    if context.is_dry {
        return Ok(Some((draft.run, summary)));
    }
    let record = record_of(context, &draft, &summary);
    // Kept under the attempt's own name before the swap, so that a planner that was overtaken cannot spoil the history.
    save_plan(&context.ports, context.attempt, &record).await?;
    let open = open_run(context, &draft, &summary);
    let committed = swap(context, &open, &next).await?;
    if committed.is_none() {
        return Ok(None);
    }
    add_run(&context.ports, &record).await?;
    context.ports.observer.note(Progress::Planned {
        sync: context.sync.name(),
        rows: summary.counts.accepted + summary.counts.deleted_by_absence,
        batches: summary.batches,
    });
    if !summary.holds.is_empty() {
        let held = Progress::Held { sync: context.sync.name(), run: draft.run, holds: &summary.holds };
        context.ports.observer.note(held);
    }
    if let Some(replay) = &context.replay {
        for blob in &replay.replaces {
            context.ports.blobs.delete(blob).await?;
        }
    }
    if summary.holds.is_empty() {
        // A crash before or amid it loses nothing: sweep sends what is not settled.
        batches::send(&context.ports, context.sync.name(), &open, 0..open.batches).await?;
        if summary.batches == 0 {
            crate::protocol::finish(&context.ports, &context.sync, draft.run).await?;
        }
    }
    Ok(Some((draft.run, summary)))
}

fn record_of(context: &PlanContext, draft: &Draft, summary: &PlanSummary) -> RunRecord {
    RunRecord {
        run: draft.run,
        sync: context.sync.name().to_string(),
        status: if summary.holds.is_empty() { RunStatus::Delivering } else { RunStatus::Held },
        planned_at_ms: context.ports.clock.now_ms(),
        finished_at_ms: None,
        // Samples are rows: they are shown, not kept.
        plan: PlanSummary { samples: Vec::new(), ..summary.clone() },
        settled: Settled::default(),
        counts: summary.counts,
        usage: context.ports.meter.take(),
        cost: None,
    }
}

fn open_run(context: &PlanContext, draft: &Draft, summary: &PlanSummary) -> OpenRun {
    let mut ledger = draft.ledger.clone();
    // By name, so that a rewritten base comes before the changes of the same run, which override it.
    ledger.sort_by(|a, b| a.blob.cmp(&b.blob));
    OpenRun {
        run: draft.run,
        attempt: context.attempt,
        phase: if summary.holds.is_empty() { RunPhase::Delivering } else { RunPhase::Held },
        batches: summary.batches,
        exports: draft.exports.clone(),
        consumed: draft.consumed,
        ledger,
        ledger_replaces: draft.ledger_replaces,
        ledger_live: draft.ledger_live,
        snapshot: draft.snapshot.clone(),
        snapshot_complete: draft.snapshot_complete,
        billable: summary.billable,
        keeps_order: matches!(context.sync.config.mode, Mode::Mirror | Mode::Full),
        approved_at_ms: None,
        config: context.sync.version.clone(),
    }
}

async fn swap(context: &PlanContext, open: &OpenRun, next: &Next) -> Result<Option<()>, PortError> {
    let is_held = open.phase == RunPhase::Held;
    let owner = context.ports.liveness.owner();
    let lease_until_ms = context.ports.clock.now_ms() + PLAN_LEASE_MS;
    let closes = context.sync.config.mode == Mode::OneTime && matches!(next, Next::End(None));
    update_checkpoint(&context.ports, context.sync.name(), |current| {
        // The answer to this very write was lost, and another writer came after it: the run must not be added twice.
        if current.attempt == context.attempt && current.last_run >= open.run.0 {
            return Some(());
        }
        if !is_mine(context, current) {
            return None;
        }
        current.runs.push(open.clone());
        current.last_run = open.run.0;
        current.lock = (*context.lock).clone();
        current.snapshot_refused = None;
        current.closed |= closes;
        match next {
            Next::GoOn(cursor) if !is_held => {
                current.cursor = Some(cursor.clone());
                current.phase = Phase::Planning {
                    owner: owner.clone(),
                    lease_until_ms,
                    by_person: context.by_person,
                    started: true,
                };
            }
            Next::GoOn(cursor) => {
                current.cursor = Some(cursor.clone());
                current.phase = Phase::Idle;
            }
            Next::End(cursor) => {
                if context.replay.is_none() {
                    current.cursor = cursor.clone();
                }
                current.phase = Phase::Idle;
            }
        }
        Some(())
    })
    .await
}

fn is_mine(context: &PlanContext, checkpoint: &Checkpoint) -> bool {
    matches!(checkpoint.phase, Phase::Planning { .. }) && checkpoint.attempt == context.attempt
}

/// Gives the scope back, nothing having been found.
pub(super) async fn release(context: &PlanContext) -> Result<(), PortError> {
    update_checkpoint(&context.ports, context.sync.name(), |current| {
        is_mine(context, current).then(|| {
            current.phase = Phase::Idle;
            // A mapping that nothing was planned under yet is still a changed one.
            let mapping = current.lock.mapping.take();
            current.lock = SchemaLock { mapping, ..(*context.lock).clone() };
        })
    })
    .await?;
    Ok(())
}

/// Remembers a snapshot that cannot be read, so that it is not read again until something changes or a person asks.
pub(super) async fn refuse_snapshot(context: &PlanContext, digest: String, reason: &str) -> Result<(), PortError> {
    if context.is_dry {
        return Ok(());
    }
    update_checkpoint(&context.ports, context.sync.name(), |current| {
        is_mine(context, current).then(|| {
            current.phase = Phase::Idle;
            current.snapshot_refused = Some((digest.clone(), reason.to_string()));
        })
    })
    .await?;
    Ok(())
}
