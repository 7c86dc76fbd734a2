use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::codec::{Batch, LedgerError, open};
use crate::model::{LedgerPart, RowKey, RowState, RowStatus};

/// Merges the parts of a ledger into one sequence in key order, the newest state of each key. It holds one batch of each
/// part.
pub struct LedgerReader {
    parts: Vec<PartReader>,
}

/// A key of a ledger and its newest state.
pub struct LedgerEntry {
    /// Key.
    pub key: RowKey,
    /// The state without its identity.
    pub brief: RowState,
    batch: Arc<Batch>,
    row: usize,
}

impl LedgerEntry {
    /// Whether a copy of the row is visible at the destination.
    pub fn is_visible(&self) -> bool {
        self.brief.status != RowStatus::Deleted && self.batch.has_identity(self.row)
    }

    /// The whole state.
    pub fn state(&self) -> RowState {
        RowState { identity: self.batch.identity(self.row), ..self.brief.clone() }
    }
}

struct PartReader {
    name: Arc<str>,
    batches: ParquetRecordBatchReader,
    batch: Option<Arc<Batch>>,
    next: usize,
}

impl LedgerReader {
    /// Opens parts, oldest first, with their bytes.
    pub fn open(parts: Vec<(LedgerPart, Bytes)>) -> Result<Self, LedgerError> {
        let parts = parts
            .into_iter()
            .map(|(part, bytes)| {
                let batches = open(&part.blob, bytes)?;
                Ok(PartReader { name: part.blob.into(), batches, batch: None, next: 0 })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// The next key and its newest state; `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<LedgerEntry>, LedgerError> {
        let mut least: Option<RowKey> = None;
        for part in &mut self.parts {
            if let Some((_, key)) = part.peek()? {
                least = Some(least.map_or(key, |l| l.min(key)));
            }
        }
        let Some(key) = least else { return Ok(None) };
        let mut newest = None;
        for part in &mut self.parts {
            while let Some((batch, found)) = part.peek()?
                && found == key
            {
                newest = Some((batch.clone(), part.next));
                part.next += 1;
            }
        }
        let Some((batch, row)) = newest else { return Ok(None) };
        Ok(Some(LedgerEntry { key, brief: batch.brief(row)?, batch, row }))
    }
}

impl PartReader {
    /// The batch of the next row, and its key.
    fn peek(&mut self) -> Result<Option<(&Arc<Batch>, RowKey)>, LedgerError> {
        while self.batch.as_ref().is_none_or(|batch| self.next == batch.rows()) {
            (self.batch, self.next) = (None, 0);
            match self.batches.next() {
                None => return Ok(None),
                Some(Ok(batch)) => self.batch = Some(Arc::new(Batch::new(&self.name, &batch)?)),
                Some(Err(error)) => return Err(LedgerError::new(&self.name, error)),
            }
        }
        Ok(self.batch.as_ref().map(|batch| (batch, batch.key(self.next))))
    }
}
