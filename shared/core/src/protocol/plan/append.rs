use std::collections::HashMap;

use futures::StreamExt;

use super::change::still_refused;
use super::commit::{Next, commit};
use super::context::PlanContext;
use super::draft::Draft;
use super::map::{MappedBlock, MappedRow, Pass};
use super::read::mapped_blocks;
use super::selection::Selection;
use crate::model::{
    ChangeKind, Checkpoint, Cursor, ExportVersion, KeyedChange, PlanSummary, RowError, RowErrorCode, RowKey,
    RowPosition, RowState, RowStatus, RowVersion, RunId, StagedChange,
};
use crate::ports::ExportError;
use crate::protocol::candidates::feed_candidates;
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::{
    DAY_MS, EXPORTS_IN_FLIGHT_MAX, EXPORTS_PER_RUN_MAX, KEYS_IN_FLIGHT_MAX, STATES_PER_CALL,
};

/// Keys of this planning's own runs, with what they were planned to hold.
type InFlight = HashMap<RowKey, u64>;

/// Plans new facts in one pass: rows stream from export to batch. With a dedupe window each block's keys are looked up;
/// keys of this planning's own unfinished runs are remembered, so that planning need not wait for their delivery.
pub(super) async fn plan_append(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
) -> Result<Vec<(RunId, PlanSummary)>, ProtocolError> {
    let work = work_of(context, checkpoint, usize::MAX).await?;
    let mut planned = Vec::new();
    let mut draft = Draft::new(context);
    let mut in_flight = InFlight::new();
    for (export, selection) in &work {
        if draft.exports.len() == EXPORTS_PER_RUN_MAX {
            let cursor = Cursor { export: export.clone(), next_row: 0 };
            if !commit_and_go_on(context, checkpoint, &mut draft, cursor, &in_flight, &mut planned).await? {
                return Ok(planned);
            }
        }
        draft.exports.push(export.clone());
        let mut blocks = match mapped_blocks(context, export, selection.clone(), Pass::EncodeWhole).await {
            Ok(blocks) => blocks,
            Err(ExportError::Unreadable { cause, remedy, .. }) => {
                draft.failed_exports.push((export.key.clone(), format!("{cause}. {remedy}")));
                draft.consumed = draft.exports.len() as u32;
                continue;
            }
            Err(ExportError::Changed { .. }) => {
                draft.exports.pop();
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let mut changed = false;
        while let Some(block) = blocks.next().await {
            let mut block = match block {
                Ok(block) => block,
                Err(ExportError::Unreadable { cause, remedy, .. }) => {
                    draft.failed_exports.push((export.key.clone(), format!("{cause}. {remedy}")));
                    break;
                }
                Err(ExportError::Changed { .. }) => {
                    changed = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let at = draft.exports.len() as u32 - 1;
            draft.take_block(context, at, &mut block).await?;
            take_rows(context, &mut draft, at, &block, &mut in_flight).await?;
            if draft.counts.read >= context.sync.config.run.rows_max(false) && context.replay.is_none() {
                let cursor = Cursor { export: export.clone(), next_row: block.next_row };
                if !commit_and_go_on(context, checkpoint, &mut draft, cursor, &in_flight, &mut planned).await? {
                    return Ok(planned);
                }
                draft.exports.push(export.clone());
            }
        }
        if changed {
            // What was read of the old version did exist; the new version is a new candidate.
            break;
        }
        if context.replay.is_none() {
            draft.consumed = draft.exports.len() as u32;
        }
    }
    if !draft.is_empty() {
        planned.extend(commit(context, checkpoint, draft, false, Next::End(None)).await?);
    }
    Ok(planned)
}

/// What to read: quarantined rows to replay, or the candidates from the cursor on.
pub(super) async fn work_of(
    context: &PlanContext,
    checkpoint: &Checkpoint,
    limit: usize,
) -> Result<Vec<(ExportVersion, Selection)>, ProtocolError> {
    if let Some(replay) = &context.replay {
        return Ok(replay
            .exports
            .values()
            .map(|(export, rows)| (export.clone(), Selection::Rows(std::sync::Arc::new(rows.clone()))))
            .collect());
    }
    let candidates = feed_candidates(&context.ports, &context.sync, checkpoint, limit).await?;
    Ok(from_cursor(checkpoint, candidates))
}

/// Puts the export that a bounded run left in the middle first. A cursor of replaced bytes counts for nothing.
fn from_cursor(checkpoint: &Checkpoint, candidates: Vec<ExportVersion>) -> Vec<(ExportVersion, Selection)> {
    let mut work: Vec<_> = candidates
        .into_iter()
        .map(|export| {
            let cursor = checkpoint.cursor.as_ref().filter(|cursor| cursor.export.is_same(&export));
            let first = cursor.map_or(0, |cursor| cursor.next_row);
            (cursor.is_none(), export, Selection::From(first))
        })
        .collect();
    work.sort_by_key(|(is_fresh, _, _)| *is_fresh);
    work.into_iter().map(|(_, export, selection)| (export, selection)).collect()
}

/// Commits the draft and starts the next one; `false` if planning must end here.
async fn commit_and_go_on(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
    draft: &mut Draft,
    cursor: Cursor,
    in_flight: &InFlight,
    planned: &mut Vec<(RunId, PlanSummary)>,
) -> Result<bool, ProtocolError> {
    let exports = draft.exports.len() + planned.iter().map(|(_, run)| run.exports.len()).sum::<usize>();
    let ends = in_flight.len() > KEYS_IN_FLIGHT_MAX
        || (exports >= EXPORTS_IN_FLIGHT_MAX && !context.is_dry)
        || context.ports.clock.now_ms() > context.until_ms;
    let next = if ends { Next::End(Some(cursor)) } else { Next::GoOn(cursor) };
    let fresh = Draft::new(context);
    let full = std::mem::replace(draft, fresh);
    let committed = commit(context, checkpoint, full, false, next).await?;
    let goes_on = committed.as_ref().is_some_and(|(_, summary)| summary.holds.is_empty() || context.is_dry);
    planned.extend(committed);
    Ok(goes_on && !ends)
}

async fn take_rows(
    context: &PlanContext,
    draft: &mut Draft,
    export: u32,
    block: &MappedBlock,
    in_flight: &mut InFlight,
) -> Result<(), ProtocolError> {
    let expires_at_ms = context.sync.config.dedupe_days().map(|days| context.now_ms + i64::from(days) * DAY_MS);
    let states = match expires_at_ms {
        Some(_) => states_of(context, block).await?,
        None => Vec::new(),
    };
    for (n, row) in block.rows.iter().enumerate() {
        if !row.in_window {
            draft.counts.filtered += 1;
            continue;
        }
        let keyed = match expires_at_ms {
            None => None,
            Some(expires_at_ms) => {
                if !is_new(context, draft, export, row, states[n].as_ref(), in_flight).await? {
                    continue;
                }
                let after = RowState {
                    status: RowStatus::Live,
                    fingerprint: row.fingerprint,
                    revision: 0,
                    version: RowVersion::None,
                    identity: None,
                    expires_at_ms: Some(expires_at_ms),
                    folder: None,
                };
                Some(Box::new(KeyedChange { key: row.key, after, before: None }))
            }
        };
        let at = Some(RowPosition { export, row: row.row });
        let change = StagedChange { kind: ChangeKind::Insert, lines: 1, at, keyed };
        draft.change(context, change, block.line(row)).await?;
    }
    Ok(())
}

/// Whether a row is to be sent; books it if not.
async fn is_new(
    context: &PlanContext,
    draft: &mut Draft,
    export: u32,
    row: &MappedRow,
    state: Option<&RowState>,
    in_flight: &mut InFlight,
) -> Result<bool, ProtocolError> {
    let state = state.filter(|state| !state.is_expired(context.now_ms));
    match state {
        Some(state) if state.status == RowStatus::Rejected => {
            if context.replay.is_some() && !in_flight.contains_key(&row.key) {
                in_flight.insert(row.key, row.fingerprint);
                return Ok(true);
            }
            draft.reject(context, export, row.row, Some(row.key), still_refused()).await?;
        }
        state => {
            let known = state.map(|state| state.fingerprint).or_else(|| in_flight.get(&row.key).copied());
            match known {
                None => {
                    in_flight.insert(row.key, row.fingerprint);
                    return Ok(true);
                }
                Some(known) if known == row.fingerprint => draft.counts.duplicate += 1,
                Some(_) => draft.reject(context, export, row.row, Some(row.key), key_reused()).await?,
            }
        }
    }
    Ok(false)
}

fn key_reused() -> RowError {
    RowError::of_row(
        RowErrorCode::KeyReused,
        "its insert_id was sent before with other content, and mode append changes nothing that was sent",
        "Use mode: mirror to send updates, or insert_id columns that differ for different events",
    )
}

/// States of a block's rows, looked up in key order.
async fn states_of(context: &PlanContext, block: &MappedBlock) -> Result<Vec<Option<RowState>>, ProtocolError> {
    let mut order: Vec<usize> = (0..block.rows.len()).collect();
    order.sort_unstable_by_key(|n| block.rows[*n].key);
    let mut states = vec![None; block.rows.len()];
    for part in order.chunks(STATES_PER_CALL) {
        let keys: Vec<RowKey> = part.iter().map(|n| block.rows[*n].key).collect();
        let found = context.ports.row_states.get(context.sync.name(), &keys).await?;
        for (n, state) in part.iter().zip(found) {
            states[*n] = state;
        }
    }
    Ok(states)
}
