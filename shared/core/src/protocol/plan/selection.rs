use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::ExportVersion;

/// Quarantined rows to be planned again: exports with the rows wanted, counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// By export key.
    pub exports: BTreeMap<String, (ExportVersion, BTreeSet<u64>)>,
    /// Quarantine blobs that the replay takes the place of.
    pub replaces: Vec<String>,
}

/// Which rows of an export are wanted.
#[derive(Clone)]
pub(super) enum Selection {
    /// From a row on.
    From(u64),
    /// These.
    Rows(Arc<BTreeSet<u64>>),
    /// Those whose bit is set.
    Bits(Arc<RowBits>),
}

impl Selection {
    pub fn wants(&self, row: u64) -> bool {
        match self {
            Self::From(first) => row >= *first,
            Self::Rows(rows) => rows.contains(&row),
            Self::Bits(bits) => bits.has(row),
        }
    }

    /// Whether any row of a block is wanted.
    pub fn wants_any(&self, first_row: u64, rows: u64) -> bool {
        match self {
            Self::From(first) => first_row + rows > *first,
            Self::Rows(wanted) => wanted.range(first_row..first_row + rows).next().is_some(),
            Self::Bits(bits) => bits.has_any(first_row, rows),
        }
    }
}

/// A bit for each row of an export: 10 million rows cost 1.25 MB.
#[derive(Default)]
pub(super) struct RowBits {
    words: Vec<u64>,
}

impl RowBits {
    pub fn set(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
    }

    pub fn has(&self, row: u64) -> bool {
        self.words.get((row / 64) as usize).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn has_any(&self, first: u64, rows: u64) -> bool {
        let end = ((first + rows).div_ceil(64) as usize).min(self.words.len());
        let start = ((first / 64) as usize).min(end);
        // The words at both ends may hold bits of a neighbour: then a block is read in vain, never skipped.
        self.words[start..end].iter().any(|word| *word != 0)
    }
}
