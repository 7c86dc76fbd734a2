use std::collections::VecDeque;

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::codec::{LedgerError, LedgerRow, decode, open};
use crate::model::{LedgerPart, RowKey};

/// Merges the parts of a ledger into one sequence in key order, the newest state of each key. It holds one decoded
/// batch of each part.
pub struct LedgerReader {
    parts: Vec<PartReader>,
}

struct PartReader {
    name: String,
    batches: ParquetRecordBatchReader,
    ahead: VecDeque<LedgerRow>,
}

impl LedgerReader {
    /// Opens parts, oldest first, with their bytes.
    pub fn open(parts: Vec<(LedgerPart, Bytes)>) -> Result<Self, LedgerError> {
        let parts = parts
            .into_iter()
            .map(|(part, bytes)| {
                let batches = open(&part.blob, bytes)?;
                Ok(PartReader { name: part.blob, batches, ahead: VecDeque::new() })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// The next key and its newest state; `None` at the end.
    pub fn next_row(&mut self) -> Result<Option<LedgerRow>, LedgerError> {
        let mut least: Option<RowKey> = None;
        for part in &mut self.parts {
            if let Some(key) = part.peek()? {
                least = Some(least.map_or(key, |l| l.min(key)));
            }
        }
        let Some(key) = least else { return Ok(None) };
        let mut newest = None;
        for part in &mut self.parts {
            while part.peek()? == Some(key) {
                newest = part.ahead.pop_front();
            }
        }
        Ok(newest)
    }
}

impl PartReader {
    fn peek(&mut self) -> Result<Option<RowKey>, LedgerError> {
        while self.ahead.is_empty() {
            match self.batches.next() {
                None => return Ok(None),
                Some(Ok(batch)) => self.ahead.extend(decode(&self.name, &batch)?),
                Some(Err(error)) => return Err(LedgerError::new(&self.name, error)),
            }
        }
        Ok(self.ahead.front().map(|(key, _)| *key))
    }
}
