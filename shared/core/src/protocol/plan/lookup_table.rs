use std::collections::HashMap;

use futures::StreamExt;

use super::commit::{Next, commit};
use super::context::PlanContext;
use super::draft::Draft;
use super::map::Pass;
use super::read::mapped_blocks;
use super::selection::{RowBits, Selection};
use super::send::{row_change, store_part};
use super::snapshot::{Merge, compare};
use crate::model::{Checkpoint, HoldReason, PlanSummary, RowPosition, RowState, RowStatus, RowVersion, RunId};
use crate::protocol::error::ProtocolError;

/// Plans a lookup table: compares a complete snapshot with the ledger as any other, and if one row differs stages the
/// whole table, because the destination replaces it whole or not at all.
pub(super) async fn plan_lookup_table(
    context: &mut PlanContext,
    checkpoint: &Checkpoint,
) -> Result<Vec<(RunId, PlanSummary)>, ProtocolError> {
    // What is missing from half a table would be deleted.
    let Some((mut draft, mut merge)) = compare(context, checkpoint, true).await? else { return Ok(Vec::new()) };
    if draft.deletes > 0 || merge.bits.values().any(|rows| !rows.is_empty()) {
        stage_table(context, &mut draft, &mut merge).await?;
        // Not in the table that goes out, so that they go out again as soon as they can.
        merge.live -= merge.lost.len() as u64;
        for (key, state) in std::mem::take(&mut merge.lost) {
            let lost = RowState { status: RowStatus::Deleted, ..state };
            store_part(context, &mut draft, merge.delta.push((key, lost))?).await?;
        }
        if draft.counts.rejected > 0 {
            // A table cannot keep what it has of a row: it would lose it.
            let (rejected, read) = (draft.counts.rejected, draft.counts.read);
            draft.holds.push(HoldReason::RejectedOver { rejected, read, percent: 0 });
        }
    }
    store_part(context, &mut draft, merge.delta.finish()?).await?;
    draft.ledger_live = (merge.live + draft.inserts).saturating_sub(draft.deletes);
    let committed = commit(context, checkpoint, draft, true, Next::End(None)).await?;
    Ok(committed.into_iter().collect())
}

/// Stages every row that is to be in the table, in the order of the exports, as one batch.
async fn stage_table(context: &PlanContext, draft: &mut Draft, merge: &mut Merge) -> Result<(), ProtocolError> {
    let limits = context.sync.destination.limits();
    let encoder = context.sync.destination.encoder(&context.lock);
    let header = context.sync.destination.preamble(&context.lock);
    draft.stager.push_lines(context, 0, &header);
    let mut kept: HashMap<u32, RowBits> = std::mem::take(&mut merge.kept);
    for (number, export) in draft.exports.clone().iter().enumerate() {
        let at = number as u32;
        let Some(rows) = kept.remove(&at).filter(|rows| !rows.is_empty()) else { continue };
        let changed = merge.bits.remove(&at).unwrap_or_default();
        let selection = Selection::Bits(std::sync::Arc::new(rows));
        let mut blocks = mapped_blocks(context, export, selection, Pass::Encode).await?;
        while let Some(block) = blocks.next().await {
            let block = block?;
            for row in &block.rows {
                let bytes = draft.stager.payload_bytes + block.line(row).len() as u64;
                if bytes > limits.bytes_max || draft.stager.lines_total >= u64::from(limits.lines_max) {
                    return Err(ProtocolError::Halt(format!(
                        "the table is larger than the {} MB that the destination takes; leave columns or rows out",
                        limits.bytes_max >> 20
                    )));
                }
                if !changed.has(row.row) {
                    draft.stager.push_lines(context, 1, &[block.line(row), b"\n"].concat());
                    continue;
                }
                let position = RowPosition { export: at, row: row.row };
                let old = merge.before.remove(&position);
                let (change, lines) = row_change(context, &*encoder, &block, row, position, old, RowVersion::None);
                if let Some(keyed) = &change.keyed {
                    store_part(context, draft, merge.delta.push((keyed.key, keyed.after.clone()))?).await?;
                }
                draft.change(context, change, &lines).await?;
            }
        }
    }
    Ok(())
}
