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

/// Decides. `version` is the change's place in the order of its key's changes.
pub(super) fn decide(
    entry: &IndexEntry,
    version: &RowVersion,
    state: Option<&RowState>,
    retries_refused: bool,
) -> Decision {
    let wants_row = entry.flag() == IndexFlag::Upsert;
    let Some(state) = state else {
        return if wants_row { Decision::Send } else { Decision::AlreadyGone };
    };
    match compare(version, &state.version) {
        Some(Ordering::Less) => return Decision::Stale,
        // Re-appearance beats deletion at equal version, whichever of the two came first.
        Some(Ordering::Equal) if !wants_row && state.status == RowStatus::Live => return Decision::Stale,
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
