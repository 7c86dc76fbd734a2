use serde::{Deserialize, Serialize};

use super::FolderId;

/// What a destination matches an event on. Mixpanel deduplicates on all four
/// (docs.mixpanel.com/reference/event-deduplication, 2026-08-21).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Event name.
    pub event: String,
    /// User.
    pub distinct_id: String,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Insert id.
    pub insert_id: String,
}

/// What is known of a key at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowStatus {
    /// Delivered and visible.
    Live,
    /// Deleted, or never there; kept so that a late change does not bring it back.
    Deleted,
    /// The destination refused its last change. An identity beside it is the older copy that is still there.
    Rejected,
}

/// The source's own order of the changes of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowVersion {
    /// The source gives no order; later runs win.
    None,
    /// From the order column.
    Number(i128),
    /// From delivery order: export key, then row number.
    Delivery {
        /// Key of the export.
        export: String,
        /// Zero-based row.
        row: u64,
    },
}

/// What was last delivered for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowState {
    /// See [`RowStatus`].
    pub status: RowStatus,
    /// Fingerprint of the last change that was attempted.
    pub fingerprint: u64,
    /// Counts the identities that the key has had.
    pub revision: u32,
    /// Order of the last change.
    pub version: RowVersion,
    /// The identity of the copy at the destination; absent where the mode never changes a row again.
    pub identity: Option<Identity>,
    /// When the state may be forgotten (append with a dedupe window), milliseconds since the epoch.
    pub expires_at_ms: Option<i64>,
    /// The folder it was last seen in, where folders are snapshots of their own.
    pub folder: Option<FolderId>,
}

impl RowState {
    /// The copy that is visible at the destination, if there is one.
    pub fn visible(&self) -> Option<&Identity> {
        match self.status {
            RowStatus::Deleted => None,
            RowStatus::Live | RowStatus::Rejected => self.identity.as_ref(),
        }
    }

    /// Whether the state no longer counts at `now_ms`.
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }
}
