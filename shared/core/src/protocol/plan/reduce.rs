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
///
/// With `delivery_breaks_ties`, as in a log that is written in order, the row that was delivered last wins instead.
pub(super) fn reduce(group: &[IndexEntry], delivery_breaks_ties: bool) -> Reduced {
    let mut reduced = Reduced::default();
    // A row that cannot be sent says nothing about its key, except that the key is still there.
    let valid = || group.iter().filter(|entry| entry.flag() != IndexFlag::Rejected);
    if delivery_breaks_ties {
        reduced.last = valid().max_by_key(|entry| (entry.version, entry.position())).copied();
        let booked = valid().filter(|entry| entry.flag() != IndexFlag::OutOfWindow).count() as u64;
        let is_booked = reduced.last.is_some_and(|last| last.flag() != IndexFlag::OutOfWindow);
        reduced.coalesced = booked - u64::from(is_booked);
        return reduced;
    }
    let Some(last) = valid().next_back().copied() else { return reduced };
    let is_rival = |entry: &IndexEntry| entry.version == last.version && entry.flag() == IndexFlag::Upsert;
    let conflict = last.flag() == IndexFlag::Upsert
        && valid().any(|entry| is_rival(entry) && entry.fingerprint != last.fingerprint);
    for entry in valid() {
        if conflict && is_rival(entry) {
            reduced.conflict.push(entry.position());
        } else if entry.flag() == IndexFlag::OutOfWindow || (entry.position() == last.position() && !conflict) {
            continue;
        } else if entry.flag() == last.flag() && entry.version == last.version && entry.fingerprint == last.fingerprint
        {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RowKey;

    fn entry(version: i128, flag: IndexFlag, fingerprint: u64, row: u64) -> IndexEntry {
        IndexEntry::new(RowKey([1; 16]), fingerprint, version, RowPosition { export: 0, row }, flag)
    }

    /// The same, by the words of the design: newest version, an upsert beats a delete, rivals that differ are a conflict.
    fn naive(group: &[IndexEntry]) -> Option<Option<u64>> {
        let valid: Vec<_> = group.iter().filter(|e| e.flag() != IndexFlag::Rejected).collect();
        let newest = valid.iter().map(|e| e.version).max()?;
        let rivals: Vec<_> = valid.iter().filter(|e| e.version == newest).collect();
        let upserts: Vec<u64> =
            rivals.iter().filter(|e| e.flag() == IndexFlag::Upsert).map(|e| e.fingerprint).collect();
        match upserts.first() {
            None => Some(None),
            Some(first) if upserts.iter().all(|f| f == first) => Some(Some(*first)),
            Some(_) => None,
        }
    }

    #[test]
    fn in_a_log_the_row_delivered_last_wins_a_tie() {
        let group =
            [entry(1, IndexFlag::Delete, 0, 2), entry(1, IndexFlag::Upsert, 1, 0), entry(1, IndexFlag::Upsert, 2, 1)];
        let reduced = reduce(&group, true);
        assert_eq!(reduced.last.map(|last| last.flag()), Some(IndexFlag::Delete));
        assert_eq!((reduced.coalesced, reduced.conflict.len()), (2, 0));
        assert!(reduce(&group, false).last.is_none());
    }

    #[test]
    fn agrees_with_a_naive_model_and_accounts_for_every_row() {
        let mut seed = 1u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..20_000 {
            let count = 1 + draw(6);
            let mut group: Vec<IndexEntry> = (0..count)
                .map(|row| {
                    let flag = [
                        IndexFlag::Delete,
                        IndexFlag::OutOfWindow,
                        IndexFlag::Rejected,
                        IndexFlag::Upsert,
                        IndexFlag::Upsert,
                    ][draw(5) as usize];
                    entry(draw(3) as i128, flag, draw(3), row)
                })
                .collect();
            group.sort_unstable_by_key(IndexEntry::sort_key);
            let reduced = reduce(&group, false);
            let last = reduced.last.map(|e| (e.flag() == IndexFlag::Upsert).then_some(e.fingerprint));
            assert_eq!(last, naive(&group), "{group:?}");
            let booked_elsewhere = |e: &&IndexEntry| matches!(e.flag(), IndexFlag::Rejected | IndexFlag::OutOfWindow);
            let counted = reduced.coalesced
                + reduced.duplicate
                + reduced.conflict.len() as u64
                + u64::from(reduced.last.is_some_and(|e| e.flag() != IndexFlag::OutOfWindow))
                + group.iter().filter(booked_elsewhere).count() as u64;
            assert_eq!(counted, count, "{group:?}");
        }
    }
}
