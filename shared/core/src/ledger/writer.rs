use bytes::Bytes;

use super::codec::{LedgerError, LedgerRow, encode};
use crate::model::LedgerPart;

/// Row states of one part at most: about 60 MB while it is built.
const ROWS_PER_PART: usize = 262_144;

/// Collects row states and cuts them into sorted parts.
pub struct LedgerWriter {
    prefix: String,
    rows: Vec<LedgerRow>,
    written: usize,
}

impl LedgerWriter {
    /// Parts will be named `{prefix}-{number}.parquet`.
    pub fn new(prefix: String) -> Self {
        Self { prefix, rows: Vec::new(), written: 0 }
    }

    /// Takes a row state; returns a part to be stored whenever one is full.
    pub fn push(&mut self, row: LedgerRow) -> Result<Option<(LedgerPart, Bytes)>, LedgerError> {
        self.rows.push(row);
        if self.rows.len() < ROWS_PER_PART {
            return Ok(None);
        }
        self.cut()
    }

    /// The last part, if there is anything left.
    pub fn finish(mut self) -> Result<Option<(LedgerPart, Bytes)>, LedgerError> {
        self.cut()
    }

    fn cut(&mut self) -> Result<Option<(LedgerPart, Bytes)>, LedgerError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        // Stable: of two states of one key the later one stays last and is the one a reader keeps.
        self.rows.sort_by_key(|(key, _)| *key);
        let blob = format!("{}-{:04}.parquet", self.prefix, self.written);
        self.written += 1;
        let bytes = encode(&blob, &self.rows)?;
        let part = LedgerPart { blob, rows: self.rows.len() as u64 };
        self.rows.clear();
        Ok(Some((part, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::LedgerReader;
    use super::*;
    use crate::model::{FolderId, Identity, RowKey, RowState, RowStatus, RowVersion};

    fn state(fingerprint: u64) -> RowState {
        RowState {
            status: RowStatus::Live,
            fingerprint,
            revision: 1,
            version: RowVersion::Number(-5),
            identity: Some(Identity { event: "e".into(), distinct_id: "u".into(), time_ms: 3, insert_id: "i".into() }),
            expires_at_ms: None,
            folder: fingerprint.is_multiple_of(20).then_some(FolderId(fingerprint)),
        }
    }

    fn part(name: &str, rows: &[(u8, u64)]) -> (LedgerPart, Bytes) {
        let mut writer = LedgerWriter::new(name.to_string());
        for (key, fingerprint) in rows {
            assert!(writer.push((RowKey([*key; 16]), state(*fingerprint))).unwrap().is_none());
        }
        writer.finish().unwrap().unwrap()
    }

    #[test]
    fn later_parts_override_and_keys_come_in_order() {
        let old = part("old", &[(3, 30), (1, 10), (2, 20)]);
        let new = part("new", &[(2, 21), (4, 40)]);
        let mut reader = LedgerReader::open(vec![old, new]).unwrap();
        let mut seen = Vec::new();
        while let Some(found) = reader.next_entry().unwrap() {
            assert_eq!(found.state(), state(found.brief.fingerprint));
            seen.push((found.key.0[0], found.brief.fingerprint));
        }
        assert_eq!(seen, [(1, 10), (2, 21), (3, 30), (4, 40)]);
    }

    #[test]
    fn bytes_that_are_no_ledger_say_so() {
        let bad = (LedgerPart { blob: "ledger/x".into(), rows: 1 }, Bytes::from_static(b"PAR1nonsense"));
        assert!(LedgerReader::open(vec![bad]).err().unwrap().to_string().contains("ledger/x"));
    }
}
