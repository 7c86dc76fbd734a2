use super::{RowKey, RowPosition};

/// What an index entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum IndexFlag {
    /// A delete. Sorts before an upsert of equal version: re-appearance beats deletion
    /// (every pair-based producer works so: Snowflake streams, BigQuery CHANGES, Delta change data).
    Delete = 0,
    /// A row outside the window: its key must not be live at the destination.
    OutOfWindow = 1,
    /// A row that cannot be sent: its key keeps what it has.
    Rejected = 2,
    /// A row to be there.
    Upsert = 3,
}

/// One row of the first pass, 48 bytes: enough to sort, reduce and compare without the row.
#[derive(Clone, Copy, Debug)]
pub struct IndexEntry {
    /// Order of the changes of one key.
    pub version: i128,
    /// Key.
    pub key: RowKey,
    /// Fingerprint; 0 for a delete.
    pub fingerprint: u64,
    packed: u64,
}

/// 20 bits: exports of one run. Named in [`crate::protocol::limits::EXPORTS_PER_RUN_MAX`].
const EXPORT_BITS: u32 = 20;
/// 40 bits: rows of one export.
const ROW_BITS: u32 = 40;

impl IndexEntry {
    /// Packs an entry. Positions are within [`crate::protocol::limits`], which the planner checks before it indexes.
    pub fn new(key: RowKey, fingerprint: u64, version: i128, at: RowPosition, flag: IndexFlag) -> Self {
        let packed = (u64::from(at.export) << (ROW_BITS + 4)) | (at.row << 4) | flag as u64;
        Self { version, key, fingerprint, packed }
    }

    /// Where the row is.
    pub fn position(&self) -> RowPosition {
        RowPosition {
            export: ((self.packed >> (ROW_BITS + 4)) & ((1 << EXPORT_BITS) - 1)) as u32,
            row: (self.packed >> 4) & ((1 << ROW_BITS) - 1),
        }
    }

    /// What it stands for.
    pub fn flag(&self) -> IndexFlag {
        match self.packed & 15 {
            0 => IndexFlag::Delete,
            1 => IndexFlag::OutOfWindow,
            2 => IndexFlag::Rejected,
            _ => IndexFlag::Upsert,
        }
    }

    /// Order of planning: key, then version, then what beats what at equal version, then position.
    pub fn sort_key(&self) -> (RowKey, i128, IndexFlag, RowPosition) {
        (self.key, self.version, self.flag(), self.position())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_what_it_was_given_into_48_bytes() {
        let at = RowPosition { export: (1 << 20) - 1, row: (1 << 40) - 1 };
        let entry = IndexEntry::new(RowKey([1; 16]), 5, -3, at, IndexFlag::Rejected);
        assert_eq!(entry.position(), at);
        assert_eq!(entry.flag(), IndexFlag::Rejected);
        assert_eq!(std::mem::size_of::<IndexEntry>(), 48);
    }
}
