use std::collections::HashMap;

use futures::StreamExt;

use super::change::still_refused;
use super::commit::{Next, commit, refuse_snapshot};
use super::context::PlanContext;
use super::decide::{Decision, decide};
use super::draft::Draft;
use super::folders::Folders;
use super::index::{Groups, Index};
use super::map::Pass;
use super::read::mapped_blocks;
use super::reduce::reduce;
use super::selection::{RowBits, Selection};
use super::send::{send_selected, store_part, tombstone_change};
use crate::config::{Kind, Mode};
use crate::ledger::{LedgerEntry, LedgerReader, LedgerWriter};
use crate::model::{
    ChangeKind, Checkpoint, FolderId, HoldReason, IndexEntry, IndexFlag, PlanSummary, RowError, RowErrorCode, RowKey,
    RowPosition, RowState, RowStatus, RowVersion, RunId, Warning,
};
use crate::ports::ExportError;
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::{EXPORTS_PER_RUN_MAX, LEDGER_PARTS_MAX, SNAPSHOT_ROWS_MAX, UPDATES_PER_RUN_MAX};
use crate::protocol::names;
use crate::protocol::snapshot::snapshot_of;

/// Plans a snapshot: indexes all its rows, merges them with the ledger key by key, and sends what differs. Keys that are
/// missing are deleted only if the snapshot is proven complete and the mode is mirror.
pub(super) async fn plan_snapshot(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
) -> Result<Vec<(RunId, PlanSummary)>, ProtocolError> {
    let Some((mut draft, merge)) = compare(context, checkpoint, false).await? else { return Ok(Vec::new()) };
    let mut delta = Some(merge.delta);
    send_selected(context, &mut draft, merge.bits, merge.before, &mut delta).await?;
    if let Some(delta) = delta {
        store_part(context, &mut draft, delta.finish()?).await?;
    }
    draft.ledger_live = (merge.live + draft.inserts).saturating_sub(draft.deletes);
    let committed = commit(context, checkpoint, draft, true, Next::End(None)).await?;
    Ok(committed.into_iter().collect())
}

/// Reads the snapshot whole and compares it with the ledger; `None` if it is known, or not there yet, which it is only
/// with proof of completeness where `needs_proof`.
pub(super) async fn compare(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
    needs_proof: bool,
) -> Result<Option<(Draft, Merge)>, ProtocolError> {
    let snapshot = snapshot_of(&context.ports, &context.sync, context.by_person).await?;
    let digest = snapshot.digest();
    let is_known = context.sync.has_synced(checkpoint, &digest) && context.replay.is_none();
    if snapshot.waits_for.is_some() || (needs_proof && snapshot.proof.is_none()) || is_known {
        return Ok(None);
    }
    if snapshot.exports.len() > EXPORTS_PER_RUN_MAX {
        return Err(ProtocolError::Halt(format!(
            "{} holds {} exports, more than the {EXPORTS_PER_RUN_MAX} of one snapshot; let the warehouse write larger files",
            context.sync.config.source.prefix,
            snapshot.exports.len()
        )));
    }
    let mut draft = Draft::new(context);
    draft.warnings.extend(stale_warning(&snapshot.stale));
    draft.exports = snapshot.exports;
    draft.consumed = 0;
    draft.snapshot = Some(digest.clone());
    draft.snapshot_complete = snapshot.proof.is_some();
    let index = match index_rows(context, &mut draft).await {
        Ok(index) => index,
        // A snapshot is read whole or not at all: half of one would look like deletes.
        Err(ProtocolError::Halt(reason)) => {
            refuse_snapshot(context, digest, &reason).await?;
            return Err(ProtocolError::Halt(reason));
        }
        Err(error) => return Err(error),
    };
    let groups = index.finish(&context.ports.compute).await?;
    let merge = merge_ledger(context, checkpoint, &mut draft, groups).await?;
    Ok(Some((draft, merge)))
}

fn stale_warning(stale: &[String]) -> Option<Warning> {
    let which = match stale {
        [] => return None,
        [one] => format!("{one} is left out: it is a shard"),
        [first, others @ ..] => format!("{first} and {} more are left out: they are shards", others.len()),
    };
    let text =
        format!("{which} of an earlier unload, older than those before; remove what is old, or unload with a manifest");
    Some(Warning { code: "stale_shards".to_string(), text })
}

async fn index_rows(context: &PlanContext, draft: &mut Draft) -> Result<Index, ProtocolError> {
    let mut index = Index::new();
    for (number, export) in draft.exports.clone().iter().enumerate() {
        let at = number as u32;
        let mut blocks = mapped_blocks(context, export, Selection::From(0), Pass::Index).await?;
        while let Some(block) = blocks.next().await {
            let mut block = block.map_err(|error| match error {
                ExportError::Unreadable { .. } => ProtocolError::Halt(format!(
                    "{error}. The snapshot was not planned: half of one would look like deletes"
                )),
                other => other.into(),
            })?;
            // A rejected row proves that its key is still there, so the key keeps what it has.
            for (row, key, _) in &block.rejected {
                if let Some(key) = key {
                    let at = RowPosition { export: at, row: *row };
                    index.push(&context.ports.compute, IndexEntry::new(*key, 0, 0, at, IndexFlag::Rejected));
                }
            }
            draft.take_block(context, at, &mut block).await?;
            for row in &block.rows {
                let flag = match row.in_window {
                    true => IndexFlag::Upsert,
                    // Nothing is sent of its user, not even a delete.
                    false if row.is_suppressed => IndexFlag::Rejected,
                    false => IndexFlag::OutOfWindow,
                };
                draft.counts.filtered += u64::from(!row.in_window);
                let at = RowPosition { export: at, row: row.row };
                index.push(&context.ports.compute, IndexEntry::new(row.key, row.fingerprint, row.version, at, flag));
            }
            if index.rows > SNAPSHOT_ROWS_MAX {
                return Err(ProtocolError::Halt(format!(
                    "the snapshot under {} has more than {SNAPSHOT_ROWS_MAX} rows; partition the export, or use a change feed",
                    context.sync.config.source.prefix
                )));
            }
        }
    }
    Ok(index)
}

fn key_conflict() -> RowError {
    RowError::of_row(
        RowErrorCode::KeyConflict,
        "several different rows of the snapshot have this key and nothing says which is the latest",
        "unload one row for each key, or name a column that grows with each change in source.order",
    )
}

/// What the merge of index and ledger came to.
pub(super) struct Merge {
    /// Folders that are there, where folders are snapshots of their own.
    pub folders: Folders,
    /// Rows to send.
    pub bits: HashMap<u32, RowBits>,
    /// All rows that are to be there, where the destination is sent all of them.
    pub kept: HashMap<u32, RowBits>,
    pub before: HashMap<RowPosition, RowState>,
    /// Rows that a table loses if it is replaced: they are there, and what their keys are now cannot be sent.
    pub lost: Vec<(RowKey, RowState)>,
    pub delta: LedgerWriter,
    pub live: u64,
}

async fn merge_ledger(
    context: &PlanContext,
    checkpoint: &Checkpoint,
    draft: &mut Draft,
    mut groups: Groups,
) -> Result<Merge, ProtocolError> {
    let part = |what: &str| names::ledger_part(context.sync.name(), draft.run, context.attempt, what);
    let mut compacted = (checkpoint.ledger.len() > LEDGER_PARTS_MAX).then(|| LedgerWriter::new(part("base")));
    draft.ledger_replaces = compacted.is_some();
    let mut merge = Merge {
        folders: Folders::of(context, &draft.exports),
        bits: HashMap::new(),
        kept: HashMap::new(),
        before: HashMap::new(),
        lost: Vec::new(),
        delta: LedgerWriter::new(part("delta")),
        live: 0,
    };
    let mut ledger = open_ledger(context, checkpoint).await?;
    let mut known = ledger.next_entry()?;
    let mut conflicts = 0;
    loop {
        let key = match (groups.peek(), known.as_ref().map(|entry| entry.key)) {
            (None, None) => break,
            (Some(key), None) | (None, Some(key)) => key,
            (Some(a), Some(b)) => a.min(b),
        };
        let state = match known.take_if(|entry| entry.key == key) {
            Some(entry) => {
                known = ledger.next_entry()?;
                Some(entry)
            }
            None => None,
        };
        if let Some(visible) = state.as_ref().filter(|state| state.is_visible()) {
            merge.live += 1;
            merge.folders.count_live(visible.brief.folder);
        }
        if let (Some(compacted), Some(state)) = (&mut compacted, &state) {
            store_part(context, draft, compacted.push((key, state.state()))?).await?;
        }
        let group = groups.take(key);
        let seen_in = group.last().map(|entry| merge.folders.of_export(entry.position().export));
        let reduced = reduce(group, false);
        draft.counts.coalesced += reduced.coalesced;
        draft.counts.duplicate += reduced.duplicate;
        conflicts += u64::from(!reduced.conflict.is_empty());
        for at in reduced.conflict {
            draft.reject(context, at.export, at.row, Some(key), key_conflict()).await?;
        }
        match reduced.last {
            Some(entry) if entry.flag() == IndexFlag::Upsert => {
                take_row(context, draft, &entry, state, &mut merge).await?;
            }
            // Out of the window, or gone: only a complete snapshot proves either, and only of folders that are there.
            Some(_) => delete_absent(context, draft, key, state, &mut merge).await?,
            None => match seen_in {
                None if merge.folders.keeps(state.as_ref()) => {}
                None => delete_absent(context, draft, key, state, &mut merge).await?,
                Some(_) if context.sync.config.kind == Kind::LookupTable => {
                    merge.lost.extend(state.filter(|state| state.is_visible()).map(|state| (key, state.state())));
                }
                // It keeps what it has, and may be in another folder than before.
                Some(folder) => note_folder(context, draft, key, state, folder, &mut merge).await?,
            },
        }
    }
    if let Some(compacted) = compacted {
        store_part(context, draft, compacted.finish()?).await?;
    }
    if conflicts > 0 {
        draft.holds.push(HoldReason::KeyConflicts { keys: conflicts });
    }
    merge.folders.close(context, draft);
    Ok(merge)
}

async fn open_ledger(context: &PlanContext, checkpoint: &Checkpoint) -> Result<LedgerReader, ProtocolError> {
    let mut parts = Vec::new();
    for part in &checkpoint.ledger {
        let bytes = context.ports.blobs.get(&part.blob).await?.ok_or_else(|| {
            ProtocolError::Halt(format!("ledger part {} is missing from the state bucket; restore it", part.blob))
        })?;
        parts.push((part.clone(), bytes));
    }
    Ok(LedgerReader::open(parts)?)
}

async fn take_row(
    context: &PlanContext,
    draft: &mut Draft,
    entry: &IndexEntry,
    state: Option<LedgerEntry>,
    merge: &mut Merge,
) -> Result<(), ProtocolError> {
    if context.sync.config.kind == Kind::LookupTable {
        let at = entry.position();
        merge.kept.entry(at.export).or_default().set(at.row);
    }
    // The snapshot is the truth, whatever version the ledger saw: versions only order rows within it.
    match decide(entry, &RowVersion::None, state.as_ref().map(|s| &s.brief), context.replay.is_some(), false) {
        Decision::Send => {
            let at = entry.position();
            merge.bits.entry(at.export).or_default().set(at.row);
            if let Some(state) = state {
                if merge.before.len() == UPDATES_PER_RUN_MAX {
                    return Err(ProtocolError::Halt(format!(
                        "more than {UPDATES_PER_RUN_MAX} rows of one snapshot changed; partition the export"
                    )));
                }
                merge.before.insert(at, state.state());
            }
        }
        Decision::StillRefused => {
            let at = entry.position();
            draft.reject(context, at.export, at.row, Some(entry.key), still_refused()).await?;
            note_folder(context, draft, entry.key, state, merge.folders.of_export(at.export), merge).await?;
        }
        Decision::Unchanged | Decision::Stale | Decision::AlreadyGone | Decision::Delete(_) => {
            draft.counts.unchanged += 1;
            let folder = merge.folders.of_export(entry.position().export);
            note_folder(context, draft, entry.key, state, folder, merge).await?;
        }
    }
    Ok(())
}

/// Remembers the folder that a row was seen in, if it is another one than before.
async fn note_folder(
    context: &PlanContext,
    draft: &mut Draft,
    key: RowKey,
    state: Option<LedgerEntry>,
    folder: Option<FolderId>,
    merge: &mut Merge,
) -> Result<(), ProtocolError> {
    let Some(moved) = state.filter(|state| state.brief.folder != folder) else { return Ok(()) };
    let state = RowState { folder, ..moved.state() };
    store_part(context, draft, merge.delta.push((key, state))?).await
}

async fn delete_absent(
    context: &PlanContext,
    draft: &mut Draft,
    key: RowKey,
    state: Option<LedgerEntry>,
    merge: &mut Merge,
) -> Result<(), ProtocolError> {
    if !draft.snapshot_complete || context.sync.config.mode != Mode::Mirror {
        return Ok(());
    }
    let Some(state) = state.map(|entry| entry.state()) else { return Ok(()) };
    let Some(identity) = state.visible().cloned() else { return Ok(()) };
    if context.suppressed.has(&identity.distinct_id) {
        let forgotten = RowState { status: RowStatus::Deleted, ..state };
        return store_part(context, draft, merge.delta.push((key, forgotten))?).await;
    }
    merge.folders.count_delete(state.folder);
    let kind = ChangeKind::DeleteByAbsence;
    let (change, line) = tombstone_change(context, key, kind, None, &identity, state, RowVersion::None);
    if let Some(keyed) = &change.keyed {
        store_part(context, draft, merge.delta.push((key, keyed.after.clone()))?).await?;
    }
    draft.change(context, change, &line).await?;
    Ok(())
}
