use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;

use super::change::version_of;
use super::context::PlanContext;
use super::draft::Draft;
use super::map::{MappedBlock, MappedRow, Pass};
use super::read::mapped_blocks;
use super::selection::{RowBits, Selection};
use crate::config::SchemaChanges;
use crate::ledger::LedgerWriter;
use crate::mapping::Op;
use crate::model::{
    ChangeKind, Identity, KeyedChange, RowKey, RowPosition, RowState, RowStatus, RowVersion, StagedChange,
};
use crate::ports::{Mutation, RowEncoder};
use crate::protocol::error::ProtocolError;

/// Second pass: reads only the rows to be sent, in export order, and stages them with the state that follows. The states
/// go into `ledger` as well, where there is one.
pub(super) async fn send_selected(
    context: &PlanContext,
    draft: &mut Draft,
    mut bits: HashMap<u32, RowBits>,
    mut before: HashMap<RowPosition, RowState>,
    ledger: &mut Option<LedgerWriter>,
) -> Result<(), ProtocolError> {
    let encoder = context.sync.destination.encoder(&context.lock);
    let exports = draft.exports.clone();
    for (number, export) in exports.iter().enumerate() {
        let at = number as u32;
        let Some(rows) = bits.remove(&at).filter(|rows| !rows.is_empty()) else { continue };
        let mut blocks = mapped_blocks(context, export, Selection::Bits(Arc::new(rows)), Pass::Encode).await?;
        while let Some(block) = blocks.next().await {
            let block = match block {
                Ok(block) => block,
                // The first pass reported it; the rows before it are all there are.
                Err(crate::ports::ExportError::Unreadable { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            // A pre-image has the number of the row that came of it; its delete was decided on in the first pass.
            for row in block.rows.iter().filter(|row| row.op == Op::Upsert) {
                let position = RowPosition { export: at, row: row.row };
                let version = version_of(context, &exports, position, row.version);
                let old = before.remove(&position);
                let differs_in_fresh = old
                    .as_ref()
                    .is_some_and(|old| old.status == RowStatus::Live && row.old_fingerprint == Some(old.fingerprint));
                draft.fresh_updates += u64::from(differs_in_fresh);
                if differs_in_fresh
                    && context.sync.config.schema_changes == SchemaChanges::NewRowsOnly
                    && let Some(old) = &old
                {
                    let after = RowState { fingerprint: row.fingerprint, version, folder: block.folder, ..old.clone() };
                    draft.counts.unchanged += 1;
                    match ledger {
                        Some(ledger) => store_part(context, draft, ledger.push((row.key, after))?).await?,
                        None => draft.stager.push_quiet(context, row.key, after).await?,
                    }
                    continue;
                }
                let (change, lines) = row_change(context, &*encoder, &block, row, position, old, version);
                if let Some(ledger) = ledger
                    && let Some(keyed) = &change.keyed
                {
                    store_part(context, draft, ledger.push((keyed.key, keyed.after.clone()))?).await?;
                }
                draft.identity_changes += u64::from(change.kind == ChangeKind::Update && changes_identity(&change));
                draft.change(context, change, &lines).await?;
            }
            draft.stager.advance()?;
        }
    }
    Ok(())
}

fn changes_identity(change: &StagedChange) -> bool {
    let keyed = change.keyed.as_ref();
    keyed.is_some_and(|keyed| keyed.before.as_ref().is_some_and(|before| before.identity != keyed.after.identity))
}

/// Stores a ledger part and books it.
pub(super) async fn store_part(
    context: &PlanContext,
    draft: &mut Draft,
    part: Option<(crate::model::LedgerPart, bytes::Bytes)>,
) -> Result<(), ProtocolError> {
    if let Some((part, bytes)) = part
        && !context.is_dry
    {
        context.ports.blobs.put(&part.blob, bytes).await?;
        draft.ledger.push(part);
    }
    Ok(())
}

/// The change of one row: an event under the identity the key has, or a tombstone for the old identity and an event
/// under a new one, because event, user and time of an event cannot be changed.
pub(super) fn row_change(
    context: &PlanContext,
    encoder: &dyn RowEncoder,
    block: &MappedBlock,
    row: &MappedRow,
    at: RowPosition,
    before: Option<RowState>,
    version: RowVersion,
) -> (StagedChange, Vec<u8>) {
    let (event, distinct_id, time_ms) = (block.event(row), block.distinct_id(row), row.time_ms);
    let id_of = |revision: u32| match (&row.kept_id, revision) {
        (Some(kept), 0) => kept.to_string(),
        _ => row.key.insert_id(revision),
    };
    let mut lines = Vec::with_capacity(block.line(row).len() + 512);
    let mut count = 1;
    let mut keeps_identity = false;
    let (revision, insert_id) = match before.as_ref().and_then(|b| b.identity.as_ref().map(|i| (b, i))) {
        None => {
            let revision = before.as_ref().map_or(0, |b| b.revision);
            (revision, id_of(revision))
        }
        Some((b, old))
            if old.event == event
                && old.distinct_id == distinct_id
                && old.time_ms == time_ms
                && (b.visible().is_some() || context.sync.destination.revives_identities()) =>
        {
            keeps_identity = b.visible().is_some();
            (b.revision, old.insert_id.clone())
        }
        Some((b, old)) => {
            if b.visible().is_some() && !context.suppressed.has(&old.distinct_id) {
                context.sync.destination.tombstone(old, &context.lock, &mut lines);
                count = 2;
            }
            (b.revision + 1, id_of(b.revision + 1))
        }
    };
    let is_visible = before.as_ref().is_some_and(|b| b.visible().is_some());
    let clearing = block.clearing(row);
    let within_line = encoder.clears_within_line();
    if is_visible && !clearing.is_empty() && !within_line {
        lines.extend_from_slice(clearing);
        count += 1;
    }
    lines.extend_from_slice(block.line(row));
    let clearing = if within_line { clearing } else { &[] };
    encoder.close(
        &insert_id,
        if keeps_identity { Mutation::Update { clearing } } else { Mutation::Insert },
        &mut lines,
    );
    let after = RowState {
        status: RowStatus::Live,
        fingerprint: row.fingerprint,
        revision,
        version,
        identity: Some(Identity { event, distinct_id, time_ms, insert_id }),
        expires_at_ms: None,
        folder: block.folder,
    };
    let kind = if is_visible { ChangeKind::Update } else { ChangeKind::Insert };
    let keyed = Some(Box::new(KeyedChange { key: row.key, after, before }));
    (StagedChange { kind, lines: count, at: Some(at), keyed }, lines)
}

/// A delete: the identity again, with nothing but the mark that it is deleted.
pub(super) fn tombstone_change(
    context: &PlanContext,
    key: RowKey,
    kind: ChangeKind,
    at: Option<RowPosition>,
    identity: &Identity,
    before: RowState,
    version: RowVersion,
) -> (StagedChange, Vec<u8>) {
    let mut line = Vec::with_capacity(256);
    context.sync.destination.tombstone(identity, &context.lock, &mut line);
    let after = RowState { status: RowStatus::Deleted, fingerprint: 0, version, ..before.clone() };
    let keyed = Some(Box::new(KeyedChange { key, after, before: Some(before) }));
    // Where the whole table is sent, a row is deleted by not being there.
    (StagedChange { kind, lines: u8::from(!line.is_empty()), at, keyed }, line)
}
