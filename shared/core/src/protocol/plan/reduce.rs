use crate::model::{IndexEntry, IndexFlag, RowPosition};

/// What the rows of one key in one run come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Reduced {
    /// The final change, if the rows agree on one. Without one the key keeps what it has.
    pub last: Option<IndexEntry>,
    /// Earlier changes.
    pub coalesced: u64,
    /// The final change again, to the letter.
    pub duplicate: u64,
    /// Rows that differ and that nothing orders: all of them, and none is sent.
    pub conflict: Vec<RowPosition>,
}

/// Reduces the entries of one key, sorted by version, then flag. At equal version an upsert beats a delete. Rows outside
/// the window and rejected rows were booked when they were read; they are not booked again here.
pub(super) fn reduce(group: &[IndexEntry]) -> Reduced {
    let mut reduced = Reduced::default();
    // A row that cannot be sent says nothing about its key, except that the key is still there.
    let valid = || group.iter().filter(|entry| entry.flag() != IndexFlag::Rejected);
    let Some(last) = valid().next_back().copied() else { return reduced };
    let is_rival = |entry: &IndexEntry| entry.version == last.version && entry.flag() == IndexFlag::Upsert;
    let conflict = last.flag() == IndexFlag::Upsert
        && valid().any(|entry| is_rival(entry) && entry.fingerprint != last.fingerprint);
    for entry in valid() {
        if conflict && is_rival(entry) {
            reduced.conflict.push(entry.position());
        } else if entry.flag() == IndexFlag::OutOfWindow || (entry.position() == last.position() && !conflict) {
            continue;
        } else if entry.flag() == last.flag() && entry.version == last.version && entry.fingerprint == last.fingerprint {
            reduced.duplicate += 1;
        } else {
            reduced.coalesced += 1;
        }
    }
    if !conflict {
        reduced.last = Some(last);
    }
    reduced
}
