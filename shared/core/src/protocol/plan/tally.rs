use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::StreamExt;

use super::context::PlanContext;
use super::expected::exports_of;
use super::map::{MappedBlock, Pass};
use super::read::mapped_blocks;
use super::selection::Selection;
use crate::mapping::Op;
use crate::model::RowKey;
use crate::ports::{ExportError, Ports};
use crate::protocol::error::ProtocolError;
use crate::protocol::limits::DAY_MS;
use crate::protocol::store::load_checkpoint;
use crate::protocol::{Sync, plan::lock};

/// Rows of one event name on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyLine {
    /// Rows that the exports hold and that can be mapped.
    pub rows: u64,
    /// Of these, rows outside the window or the filter.
    pub filtered: u64,
    /// Of these, rows whose key came before.
    pub repeated: u64,
}

/// What the exports of a sync hold, by event name and day: one side of a balance sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By event name (empty for profiles) and UTC day since the epoch.
    pub lines: BTreeMap<(String, i64), TallyLine>,
    /// Rows that the filter leaves out before they are mapped.
    pub left_out: u64,
    /// Rows that cannot be mapped, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// All rows.
    pub rows: u64,
}

/// Counts every row of every export, without looking at what was planned or sent.
pub async fn tally(ports: &Ports, sync: &Arc<Sync>) -> Result<Tally, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let mut context = PlanContext::dry(ports, sync, &checkpoint);
    lock::prepare(&mut context, &checkpoint).await?;
    let mut tally = Tally::default();
    let mut keys = HashSet::new();
    for export in exports_of(&context).await? {
        let mut blocks = match mapped_blocks(&context, &export, Selection::From(0), Pass::Encode).await {
            Ok(blocks) => blocks,
            Err(ExportError::Unreadable { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        while let Some(block) = blocks.next().await {
            match block {
                Ok(block) => tally.take(&block, &mut keys),
                Err(ExportError::Unreadable { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(tally)
}

impl Tally {
    fn take(&mut self, block: &MappedBlock, keys: &mut HashSet<RowKey>) {
        self.rows += block.read;
        self.left_out += block.filtered;
        for (_, _, error) in &block.rejected {
            let reason = serde_json::to_value(error.code).ok();
            let reason = reason.and_then(|reason| reason.as_str().map(String::from)).unwrap_or_default();
            *self.rejected.entry(reason).or_default() += 1;
        }
        for row in &block.rows {
            if row.op != Op::Upsert || block.line(row).is_empty() {
                // A delete, or a row that was left out before it was mapped.
                self.left_out += 1;
                continue;
            }
            let line = self.lines.entry((block.event(row), row.time_ms.div_euclid(DAY_MS))).or_default();
            line.rows += 1;
            if !row.in_window {
                line.filtered += 1;
            } else if !keys.insert(row.key) {
                line.repeated += 1;
            }
        }
    }
}
