use std::collections::BTreeMap;

use super::context::PlanContext;
use super::map::MappedBlock;
use super::stage::Stager;
use crate::model::{
    ChangeKind, Counts, ExportVersion, HoldReason, LedgerPart, Observed, PlanSummary, QuarantinedRow, RowError, RowKey,
    RunId, Sample, StagedChange, UserOverlap, Warning,
};
use crate::ports::PortError;
use crate::protocol::limits::{QUARANTINE_ROWS_PER_BLOB, REJECTED_SHOWN};
use crate::protocol::{names, quarantine};

/// Payloads shown in a plan.
const SAMPLES: usize = 3;

/// A run while it is planned.
pub(super) struct Draft {
    pub run: RunId,
    pub exports: Vec<ExportVersion>,
    /// How many of them were read to the end.
    pub consumed: u32,
    pub counts: Counts,
    pub stager: Stager,
    pub observed: Observed,
    pub holds: Vec<HoldReason>,
    pub warnings: Vec<Warning>,
    pub failed_exports: Vec<(String, String)>,
    pub inserts: u64,
    pub updates: u64,
    pub deletes: u64,
    pub identity_changes: u64,
    /// Updates of rows that differ from what was sent only in columns that came since.
    pub fresh_updates: u64,
    pub ledger: Vec<LedgerPart>,
    pub ledger_replaces: bool,
    pub ledger_live: u64,
    /// Rows at the destination that no export has, of folders that are gone.
    pub kept: u64,
    pub snapshot: Option<String>,
    pub snapshot_complete: bool,
    pub users: Option<UserOverlap>,
    samples: Vec<Sample>,
    by_reason: BTreeMap<String, u64>,
    rejected_first: Vec<QuarantinedRow>,
    quarantined: Vec<QuarantinedRow>,
    quarantine_blobs: usize,
}

impl Draft {
    pub fn new(context: &mut PlanContext) -> Self {
        let run = RunId(context.next_run);
        context.next_run += 1;
        Self {
            run,
            exports: Vec::new(),
            consumed: 0,
            counts: Counts::default(),
            stager: Stager::new(context, run),
            observed: Observed::default(),
            holds: Vec::new(),
            warnings: std::mem::take(&mut context.notes),
            failed_exports: Vec::new(),
            inserts: 0,
            updates: 0,
            deletes: 0,
            identity_changes: 0,
            fresh_updates: 0,
            ledger: Vec::new(),
            ledger_replaces: false,
            ledger_live: 0,
            kept: 0,
            snapshot: None,
            snapshot_complete: false,
            users: None,
            samples: Vec::new(),
            by_reason: BTreeMap::new(),
            rejected_first: Vec::new(),
            quarantined: Vec::new(),
            quarantine_blobs: 0,
        }
    }

    /// Whether the run would leave any trace.
    pub fn is_empty(&self) -> bool {
        self.counts.read == 0 && self.exports.is_empty() && self.stager.batches == 0 && self.snapshot.is_none()
    }

    /// Books what every pass over a block books alike: rows read, pre-images, rejected rows, warnings.
    pub async fn take_block(
        &mut self,
        context: &PlanContext,
        export: u32,
        block: &mut MappedBlock,
    ) -> Result<(), PortError> {
        self.counts.read += block.read;
        self.counts.coalesced += block.pre_images;
        self.counts.filtered += block.filtered;
        self.observed.merge(std::mem::take(&mut block.observed));
        for (row, key, error) in block.rejected.drain(..) {
            self.reject(context, export, row, key, error).await?;
        }
        self.stager.advance()
    }

    /// Puts a row into the quarantine.
    pub async fn reject(
        &mut self,
        context: &PlanContext,
        export: u32,
        row: u64,
        key: Option<RowKey>,
        error: RowError,
    ) -> Result<(), PortError> {
        self.counts.rejected += 1;
        let reason =
            serde_json::to_value(error.code).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default();
        *self.by_reason.entry(reason).or_insert(0) += 1;
        let from = &self.exports[export as usize];
        let quarantined = QuarantinedRow {
            export: from.key.clone(),
            etag: from.etag.clone(),
            row: row + 1,
            key: key.map(RowKey::to_hex),
            error,
        };
        if self.rejected_first.len() < REJECTED_SHOWN {
            self.rejected_first.push(quarantined.clone());
        }
        self.quarantined.push(quarantined);
        if self.quarantined.len() >= QUARANTINE_ROWS_PER_BLOB {
            self.flush_quarantine(context).await?;
        }
        Ok(())
    }

    async fn flush_quarantine(&mut self, context: &PlanContext) -> Result<(), PortError> {
        let rows = std::mem::take(&mut self.quarantined);
        if rows.is_empty() || context.is_dry {
            return Ok(());
        }
        let blob = names::quarantine_of_plan(context.sync.name(), self.run, context.attempt, self.quarantine_blobs);
        self.quarantine_blobs += 1;
        quarantine::write(&context.ports, &blob, &rows).await
    }

    /// Takes a change with its lines.
    pub async fn change(&mut self, context: &PlanContext, change: StagedChange, lines: &[u8]) -> Result<(), PortError> {
        match change.kind {
            ChangeKind::Insert => self.inserts += 1,
            ChangeKind::Update => self.updates += 1,
            ChangeKind::Delete | ChangeKind::DeleteByAbsence => self.deletes += 1,
        }
        match change.kind {
            ChangeKind::DeleteByAbsence => self.counts.deleted_by_absence += 1,
            ChangeKind::Insert | ChangeKind::Update | ChangeKind::Delete => self.counts.accepted += 1,
        }
        if self.samples.len() < SAMPLES {
            self.sample(&change, lines);
        }
        self.stager.push(context, change, lines).await
    }

    fn sample(&mut self, change: &StagedChange, lines: &[u8]) {
        let from = match change.at {
            Some(at) => format!("{} row {}", self.exports[at.export as usize].key, at.row + 1),
            None => "a row that the snapshot no longer has".to_string(),
        };
        for line in lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            if let Ok(payload) = serde_json::from_slice(line) {
                self.samples.push(Sample { from: from.clone(), payload });
            }
        }
        self.samples.truncate(SAMPLES);
    }

    /// Lines that may be billed.
    pub fn billable(&self, context: &PlanContext) -> u64 {
        if context.sync.config.kind.is_billed() { self.stager.lines_total } else { 0 }
    }

    /// Stores everything and sums up.
    pub async fn finish(&mut self, context: &PlanContext, more: bool) -> Result<PlanSummary, PortError> {
        self.stager.finish(context).await?;
        self.flush_quarantine(context).await?;
        Ok(PlanSummary {
            counts: self.counts,
            inserts: self.inserts,
            updates: self.updates,
            identity_changes: self.identity_changes,
            deletes: self.deletes,
            billable: self.billable(context),
            lines: self.stager.lines_total,
            batches: self.stager.batches,
            payload_bytes: self.stager.payload_bytes,
            exports: self.exports.iter().map(|e| e.key.clone()).collect(),
            export_bytes: self.exports.iter().map(|e| e.size_bytes).sum(),
            feed: context.sync.feed(&context.lock).name().to_string(),
            rejected_by_reason: self.by_reason.clone(),
            rejected_first: self.rejected_first.clone(),
            failed_exports: self.failed_exports.clone(),
            holds: self.holds.clone(),
            warnings: self.warnings.clone(),
            samples: self.samples.clone(),
            users: self.users,
            more,
        })
    }
}
