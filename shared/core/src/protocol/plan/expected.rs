use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;

use super::context::PlanContext;
use super::map::Pass;
use super::read::mapped_blocks;
use super::selection::Selection;
use crate::config::{Feed, Mode};
use crate::mapping::Op;
use crate::model::RowKey;
use crate::ports::{ExportError, Mutation, Ports, RowEncoder};
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::PAGE;
use crate::protocol::snapshot::snapshot_of;
use crate::protocol::store::load_checkpoint;
use crate::protocol::{Sync, plan::lock};

/// Rows that [`expected_rows`] holds at most.
const EXPECTED_ROWS_MAX: usize = 5_000_000;

/// A row as the destination should have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedRow {
    /// Export and row (from 1).
    pub from: String,
    /// Its payload, with the insert_id of its first identity.
    pub payload: Vec<u8>,
}

/// What the exports say the destination should hold, worked out from all of them without plan, ledger or row state: the
/// other side of a comparison. Rows that are rejected or outside the window are not in it.
pub async fn expected_rows(ports: &Ports, sync: &Arc<Sync>) -> Result<BTreeMap<RowKey, ExpectedRow>, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let mut context = PlanContext::dry(ports, sync, &checkpoint);
    lock::prepare(&mut context, &checkpoint).await?;
    let feed = sync.feed(&context.lock);
    let exports = exports_of(&context).await?;
    let replaces = feed != Feed::Append || sync.config.mode == Mode::Mirror;
    let encoder = sync.destination.encoder(&context.lock);
    let is_log = sync.delivery_breaks_ties(&context.lock);
    let mut rows: BTreeMap<RowKey, (i128, bool, Option<ExpectedRow>)> = BTreeMap::new();
    for (number, export) in exports.iter().enumerate() {
        let mut blocks = match mapped_blocks(&context, export, Selection::From(0), Pass::Encode).await {
            Ok(blocks) => blocks,
            Err(ExportError::Unreadable { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        while let Some(block) = blocks.next().await {
            let block = match block {
                Ok(block) => block,
                Err(ExportError::Unreadable { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            for row in &block.rows {
                let by_delivery = sync.orders_by_delivery(&context.lock);
                let delivered = row.version | ((number as i128) << 64) | i128::from(row.row);
                let version = if by_delivery { delivered } else { row.version };
                let is_there = row.op == Op::Upsert && row.in_window;
                let known = rows.get(&row.key);
                let wins = match known {
                    None => true,
                    Some(_) if !replaces => false,
                    // A log is written in order: of equal places the later delivery wins.
                    Some((old, _, _)) if is_log => version >= *old,
                    Some((old, old_there, _)) => (version, is_there) >= (*old, *old_there),
                };
                if wins {
                    let expected = is_there.then(|| {
                        let mut payload = block.line(row).to_vec();
                        close(&*encoder, row.kept_id.as_deref(), row.key, &mut payload);
                        ExpectedRow { from: format!("{} row {}", export.key, row.row + 1), payload }
                    });
                    rows.insert(row.key, (version, is_there, expected));
                }
            }
            if rows.len() > EXPECTED_ROWS_MAX {
                return Err(ProtocolError::Halt(format!(
                    "more than {EXPECTED_ROWS_MAX} rows to compare; narrow source.prefix or window in a copy of the sync"
                )));
            }
        }
    }
    Ok(rows.into_iter().filter_map(|(key, (_, _, row))| Some((key, row?))).collect())
}

/// The exports that count: those of the snapshot, or all of a feed.
pub(super) async fn exports_of(context: &PlanContext) -> Result<Vec<crate::model::ExportVersion>, ProtocolError> {
    match context.sync.feed(&context.lock) {
        Feed::Snapshot => Ok(snapshot_of(&context.ports, &context.sync, true).await?.exports),
        _ => all_exports(&context.ports, &context.sync).await,
    }
}

fn close(encoder: &dyn RowEncoder, kept: Option<&str>, key: RowKey, payload: &mut Vec<u8>) {
    match kept {
        Some(id) => encoder.close(id, Mutation::Insert, payload),
        None => encoder.close(&key.insert_id(0), Mutation::Insert, payload),
    }
}

async fn all_exports(ports: &Ports, sync: &Sync) -> Result<Vec<crate::model::ExportVersion>, ProtocolError> {
    let mut exports = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ports.exports.list(&sync.config.source.prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(exports) };
        after = Some(last.key.clone());
        exports.extend(page.into_iter().filter(|e| !ports.formats.is_control_file(&e.key)));
    }
}
