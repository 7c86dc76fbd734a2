use super::context::PlanContext;
use super::draft::Draft;
use crate::config::SchemaChanges;
use crate::model::{Checkpoint, HoldReason};

/// Runs before an average means anything.
const RUNS_FOR_AVERAGE: usize = 3;
/// Mutations below which a run is never held for being above average.
const ABOVE_AVERAGE_AT_LEAST: u64 = 10_000;

/// What asks for a person before this draft is sent.
pub(super) fn holds(context: &PlanContext, checkpoint: &Checkpoint, draft: &Draft, snapshot: bool) -> Vec<HoldReason> {
    let hold = &context.sync.config.hold;
    let billable = draft.billable(context);
    let mut reasons = Vec::new();
    if let Some(limit) = hold.billable_over
        && billable > limit
    {
        reasons.push(HoldReason::BillableOver { billable, limit });
    }
    let recent = &checkpoint.recent_billable;
    if recent.len() >= RUNS_FOR_AVERAGE {
        let average = recent.iter().sum::<u64>() / recent.len() as u64;
        if billable >= ABOVE_AVERAGE_AT_LEAST
            && billable > average.saturating_mul(u64::from(hold.billable_times_average))
        {
            reasons.push(HoldReason::BillableAboveAverage { billable, average });
        }
    }
    let waits = match context.sync.config.schema_changes {
        SchemaChanges::Apply => false,
        SchemaChanges::Hold => context.drift.added || context.drift.other,
        SchemaChanges::NewRowsOnly => context.drift.other,
    };
    if waits && draft.updates > 0 {
        reasons.push(HoldReason::SchemaChanged { updates: draft.updates });
    }
    let live = checkpoint.ledger_live.saturating_sub(draft.kept);
    let deletes = draft.counts.deleted_by_absence;
    if snapshot && draft.counts.read == 0 && deletes > 0 {
        reasons.push(HoldReason::EmptySnapshot { live });
    } else if snapshot
        && deletes >= hold.deletes_at_least
        && deletes * 100 > live * u64::from(hold.deletes_over_percent)
    {
        reasons.push(HoldReason::DeletesOver { deletes, live, percent: hold.deletes_over_percent });
    }
    let (rejected, read) = (draft.counts.rejected, draft.counts.read);
    if rejected >= hold.rejected_at_least && rejected * 100 > read * u64::from(hold.rejected_over_percent) {
        reasons.push(HoldReason::RejectedOver { rejected, read, percent: hold.rejected_over_percent });
    }
    reasons
}
