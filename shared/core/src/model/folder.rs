use serde::{Deserialize, Serialize};

/// Names the folder that a row of a snapshot was last seen in, where folders are snapshots of their own. The 64-bit hash of
/// its path below the exports root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FolderId(pub u64);

impl FolderId {
    /// Of a path, with the `/` at its end.
    pub fn of(folder: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(folder.as_bytes()))
    }
}
