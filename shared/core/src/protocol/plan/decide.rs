use std::cmp::Ordering;

use crate::model::{Identity, IndexEntry, IndexFlag, RowState, RowStatus, RowVersion};

/// What a key's final change means, given what is at the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The content is there already.
    Unchanged,
    /// A newer change was delivered before.
    Stale,
    /// The destination refused exactly this before.
    StillRefused,
    /// Send the row.
    Send,
    /// Delete this identity.
    Delete(Identity),
    /// To be deleted, but not there.
    AlreadyGone,
}

/// Decides. `version` is the change's place in the order of its key's changes; at equal places a later run wins, but for a
/// delete, unless deliveries are in order.
pub(super) fn decide(
    entry: &IndexEntry,
    version: &RowVersion,
    state: Option<&RowState>,
    retries_refused: bool,
    delivery_breaks_ties: bool,
) -> Decision {
    let wants_row = entry.flag() == IndexFlag::Upsert;
    let Some(state) = state else {
        return if wants_row { Decision::Send } else { Decision::AlreadyGone };
    };
    match compare(version, &state.version) {
        Some(Ordering::Less) => return Decision::Stale,
        // Re-appearance beats deletion at equal version, whichever of the two came first.
        Some(Ordering::Equal) if !wants_row && state.status == RowStatus::Live && !delivery_breaks_ties => {
            return Decision::Stale;
        }
        _ => {}
    }
    if !wants_row {
        return match state.visible() {
            Some(identity) => Decision::Delete(identity.clone()),
            None => Decision::AlreadyGone,
        };
    }
    match state.status {
        RowStatus::Live if state.fingerprint == entry.fingerprint => Decision::Unchanged,
        RowStatus::Rejected if state.fingerprint == entry.fingerprint && !retries_refused => Decision::StillRefused,
        RowStatus::Live | RowStatus::Deleted | RowStatus::Rejected => Decision::Send,
    }
}

/// Orders two changes of a key; `None` if nothing does, so that the later run wins.
fn compare(new: &RowVersion, old: &RowVersion) -> Option<Ordering> {
    match (new, old) {
        (RowVersion::Number(new), RowVersion::Number(old)) => Some(new.cmp(old)),
        (RowVersion::Delivery { export, row }, RowVersion::Delivery { export: old_export, row: old_row }) => {
            Some((export, row).cmp(&(old_export, old_row)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RowKey, RowPosition};

    fn entry(flag: IndexFlag, fingerprint: u64) -> IndexEntry {
        IndexEntry::new(RowKey([1; 16]), fingerprint, 0, RowPosition { export: 0, row: 0 }, flag)
    }

    fn state(status: RowStatus, fingerprint: u64, version: i128) -> RowState {
        let identity = Identity { event: "e".into(), distinct_id: "u".into(), time_ms: 1, insert_id: "i".into() };
        RowState {
            status,
            fingerprint,
            revision: 0,
            version: RowVersion::Number(version),
            identity: Some(identity),
            expires_at_ms: None,
            folder: None,
        }
    }

    #[test]
    fn a_late_change_never_undoes_a_newer_one() {
        let live = state(RowStatus::Live, 1, 5);
        let gone = state(RowStatus::Deleted, 0, 5);
        let at = |n: i128| RowVersion::Number(n);
        let upsert = entry(IndexFlag::Upsert, 2);
        let delete = entry(IndexFlag::Delete, 0);
        assert_eq!(decide(&upsert, &at(4), Some(&live), false, false), Decision::Stale);
        assert_eq!(decide(&upsert, &at(4), Some(&gone), false, false), Decision::Stale);
        assert_eq!(decide(&delete, &at(4), Some(&live), false, false), Decision::Stale);
        assert_eq!(decide(&upsert, &at(5), Some(&gone), false, false), Decision::Send);
        assert_eq!(decide(&delete, &at(5), Some(&live), false, false), Decision::Stale);
        assert!(matches!(decide(&delete, &at(6), Some(&live), false, false), Decision::Delete(_)));
        assert_eq!(decide(&delete, &at(6), Some(&gone), false, false), Decision::AlreadyGone);
        assert_eq!(decide(&delete, &at(6), None, false, false), Decision::AlreadyGone);
    }

    #[test]
    fn what_was_refused_is_sent_again_only_changed_or_replayed() {
        let refused = state(RowStatus::Rejected, 1, 5);
        let at = RowVersion::Number(6);
        assert_eq!(decide(&entry(IndexFlag::Upsert, 1), &at, Some(&refused), false, false), Decision::StillRefused);
        assert_eq!(decide(&entry(IndexFlag::Upsert, 1), &at, Some(&refused), true, false), Decision::Send);
        assert_eq!(decide(&entry(IndexFlag::Upsert, 2), &at, Some(&refused), false, false), Decision::Send);
    }
}
