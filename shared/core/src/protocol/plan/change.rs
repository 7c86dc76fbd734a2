use std::collections::HashMap;

use futures::StreamExt;

use super::append::work_of;
use super::commit::{Next, commit};
use super::context::PlanContext;
use super::decide::{Decision, decide};
use super::draft::Draft;
use super::index::{Groups, Index};
use super::map::{MappedBlock, Pass};
use super::read::mapped_blocks;
use super::reduce::reduce;
use super::selection::RowBits;
use super::send::{send_selected, tombstone_change};
use crate::mapping::{AFTER_FULL_LOADS, Op};
use crate::model::{
    ChangeKind, Checkpoint, Cursor, ExportVersion, HoldReason, IndexEntry, IndexFlag, PlanSummary, RowError,
    RowErrorCode, RowKey, RowPosition, RowState, RowStatus, RowVersion, RunId,
};
use crate::ports::ExportError;
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::{EXPORTS_PER_RUN_MAX, STATES_PER_CALL};

/// Plans a change feed in two passes: the first indexes a bounded number of rows, which are reduced to one final change
/// per key and compared with the row states; the second reads only the rows that are to be sent.
pub(super) async fn plan_changes(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
) -> Result<Vec<(RunId, PlanSummary)>, ProtocolError> {
    let mut draft = Draft::new(context);
    let (index, cursor) = index_rows(context, checkpoint, &mut draft).await?;
    if draft.is_empty() {
        return Ok(Vec::new());
    }
    let mut groups = index.finish(&context.ports.compute).await?;
    let mut wanted = Wanted::default();
    decide_all(context, &mut draft, &mut groups, &mut wanted).await?;
    send_selected(context, &mut draft, wanted.bits, wanted.before, &mut None).await?;
    let committed = commit(context, checkpoint, draft, false, Next::End(cursor)).await?;
    Ok(committed.into_iter().collect())
}

/// Rows to be sent, and what is known of their keys.
#[derive(Default)]
struct Wanted {
    bits: HashMap<u32, RowBits>,
    before: HashMap<RowPosition, RowState>,
}

/// First pass. Returns where the next run goes on if the bound was reached.
async fn index_rows(
    context: &PlanContext,
    checkpoint: &Checkpoint,
    draft: &mut Draft,
) -> Result<(Index, Option<Cursor>), ProtocolError> {
    let work = work_of(context, checkpoint, EXPORTS_PER_RUN_MAX).await?;
    let runs_are_apart = context.sync.destination.rest_ms() > 0;
    let rows_max = if context.is_dry { u64::MAX } else { context.sync.config.run.rows_max(runs_are_apart) };
    let mut index = Index::new();
    for (export, selection) in work {
        let at = draft.exports.len() as u32;
        draft.exports.push(export.clone());
        let mut blocks = match mapped_blocks(context, &export, selection, Pass::Index).await {
            Ok(blocks) => blocks,
            Err(ExportError::Unreadable { cause, remedy, .. }) => {
                draft.failed_exports.push((export.key.clone(), format!("{cause}. {remedy}")));
                draft.consumed = draft.exports.len() as u32;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        while let Some(block) = blocks.next().await {
            let mut block = match block {
                Ok(block) => block,
                Err(ExportError::Unreadable { cause, remedy, .. }) => {
                    draft.failed_exports.push((export.key.clone(), format!("{cause}. {remedy}")));
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            draft.take_block(context, at, &mut block).await?;
            add_entries(context, draft, at, &block, &mut index);
            if index.rows >= rows_max && context.replay.is_none() {
                return Ok((index, Some(Cursor { export, next_row: block.next_row })));
            }
        }
        if context.replay.is_none() {
            draft.consumed = draft.exports.len() as u32;
        }
    }
    Ok((index, None))
}

fn add_entries(context: &PlanContext, draft: &mut Draft, export: u32, block: &MappedBlock, index: &mut Index) {
    let by_delivery = context.sync.orders_by_delivery(&context.lock);
    for row in &block.rows {
        let at = RowPosition { export, row: row.row };
        // Full loads of a change log come before its changes, whatever they are named.
        let delivered = row.version | (i128::from(export) << 64) | i128::from(row.row);
        let version = if by_delivery { delivered } else { row.version };
        let flag = match (row.op, row.in_window) {
            (_, false) if row.is_suppressed => {
                draft.counts.filtered += 1;
                IndexFlag::Rejected
            }
            (Op::Delete, _) => IndexFlag::Delete,
            (_, false) => {
                draft.counts.filtered += 1;
                IndexFlag::OutOfWindow
            }
            (_, true) => IndexFlag::Upsert,
        };
        index.push(&context.ports.compute, IndexEntry::new(row.key, row.fingerprint, version, at, flag));
    }
}

async fn decide_all(
    context: &PlanContext,
    draft: &mut Draft,
    groups: &mut Groups,
    wanted: &mut Wanted,
) -> Result<(), ProtocolError> {
    let mut conflicts = 0;
    let mut pending: Vec<IndexEntry> = Vec::with_capacity(STATES_PER_CALL);
    while let Some(key) = groups.peek() {
        let reduced = reduce(groups.take(key), context.sync.delivery_breaks_ties(&context.lock));
        draft.counts.coalesced += reduced.coalesced;
        draft.counts.duplicate += reduced.duplicate;
        conflicts += u64::from(!reduced.conflict.is_empty());
        for at in reduced.conflict {
            draft.reject(context, at.export, at.row, Some(key), conflict_error()).await?;
        }
        pending.extend(reduced.last);
        if pending.len() == STATES_PER_CALL {
            decide_some(context, draft, &mut pending, wanted).await?;
        }
    }
    decide_some(context, draft, &mut pending, wanted).await?;
    if conflicts > 0 {
        draft.warnings.push(crate::model::Warning {
            code: "key_conflicts".into(),
            text: HoldReason::KeyConflicts { keys: conflicts }.to_string(),
        });
    }
    Ok(())
}

fn conflict_error() -> RowError {
    RowError::of_row(
        RowErrorCode::KeyConflict,
        "several different rows have this key and nothing says which is the latest",
        "name a column that grows with each change in source.order, or source.order: delivery if exports and their rows are in order",
    )
}

async fn decide_some(
    context: &PlanContext,
    draft: &mut Draft,
    pending: &mut Vec<IndexEntry>,
    wanted: &mut Wanted,
) -> Result<(), ProtocolError> {
    let keys: Vec<RowKey> = pending.iter().map(|entry| entry.key).collect();
    let states = context.ports.row_states.get(context.sync.name(), &keys).await?;
    for (entry, state) in pending.drain(..).zip(states) {
        let version = row_version(context, draft, &entry);
        let counts_row = entry.flag() != IndexFlag::OutOfWindow;
        let decision = decide(
            &entry,
            &version,
            state.as_ref(),
            context.replay.is_some(),
            context.sync.delivery_breaks_ties(&context.lock),
        );
        match decision {
            Decision::Send => {
                let at = entry.position();
                wanted.bits.entry(at.export).or_default().set(at.row);
                if let Some(state) = state {
                    wanted.before.insert(at, state);
                }
            }
            Decision::Delete(identity) if context.suppressed.has(&identity.distinct_id) => {
                draft.counts.unchanged += u64::from(counts_row);
                let known = state.unwrap_or_else(|| gone(RowVersion::None));
                let forgotten = RowState { status: RowStatus::Deleted, version, ..known };
                draft.stager.push_quiet(context, entry.key, forgotten).await?;
            }
            Decision::Delete(identity) => {
                let at = Some(entry.position()).filter(|_| counts_row);
                let before = state.unwrap_or_else(|| gone(version.clone()));
                let (change, line) =
                    tombstone_change(context, entry.key, ChangeKind::Delete, at, &identity, before, version);
                // A row outside the window was booked as filtered; its delete is beside the rows read.
                let change = if counts_row {
                    change
                } else {
                    crate::model::StagedChange { kind: ChangeKind::DeleteByAbsence, ..change }
                };
                draft.change(context, change, &line).await?;
            }
            Decision::Unchanged | Decision::AlreadyGone => {
                draft.counts.unchanged += u64::from(counts_row);
                remember_version(context, draft, &entry, state, version).await?;
            }
            Decision::Stale => draft.counts.duplicate += u64::from(counts_row),
            Decision::StillRefused => {
                let at = entry.position();
                draft.reject(context, at.export, at.row, Some(entry.key), still_refused()).await?;
            }
        }
    }
    Ok(())
}

pub(super) fn still_refused() -> RowError {
    RowError::of_row(
        RowErrorCode::RefusedByDestination,
        "the destination refused this row before",
        "correct the cause and run driftless replay",
    )
}

/// Keeps the newest version of a key even if nothing is sent, so that a late change cannot undo it.
async fn remember_version(
    context: &PlanContext,
    draft: &mut Draft,
    entry: &IndexEntry,
    state: Option<RowState>,
    version: RowVersion,
) -> Result<(), ProtocolError> {
    if version == RowVersion::None {
        return Ok(());
    }
    let known = state.unwrap_or_else(|| gone(RowVersion::None));
    if known.version != version {
        draft.stager.push_quiet(context, entry.key, RowState { version, ..known }).await?;
    }
    Ok(())
}

fn gone(version: RowVersion) -> RowState {
    RowState {
        status: RowStatus::Deleted,
        fingerprint: 0,
        revision: 0,
        version,
        identity: None,
        expires_at_ms: None,
        folder: None,
    }
}

fn row_version(context: &PlanContext, draft: &Draft, entry: &IndexEntry) -> RowVersion {
    let at = entry.position();
    version_of(context, &draft.exports, at, entry.version)
}

/// Goes before the key of a change log's export: it comes after the keys of full loads.
const CHANGES: char = '~';

/// A row's version as the row states keep it.
pub(super) fn version_of(
    context: &PlanContext,
    exports: &[ExportVersion],
    at: RowPosition,
    number: i128,
) -> RowVersion {
    if context.sync.orders_by_delivery(&context.lock) {
        let key = &exports[at.export as usize].key;
        let is_change = number >= AFTER_FULL_LOADS;
        RowVersion::Delivery { export: if is_change { format!("{CHANGES}{key}") } else { key.clone() }, row: at.row }
    } else if context.lock.order_column.is_some() {
        RowVersion::Number(number)
    } else {
        RowVersion::None
    }
}
