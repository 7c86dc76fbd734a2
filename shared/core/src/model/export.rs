use serde::{Deserialize, Serialize};

/// The exact bytes of one export: what a checkpoint remembers and what every read is pinned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportVersion {
    /// Path below the exports root, with `/` between parts.
    pub key: String,
    /// The store's entity tag. Equal tag, size and time mean equal bytes; a different tag proves nothing about content.
    pub etag: String,
    /// Stored (compressed) size.
    pub size_bytes: u64,
    /// Last modification, milliseconds since the epoch.
    pub modified_ms: i64,
    /// The version id of a versioned bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

impl ExportVersion {
    /// Whether both name the same bytes of the same key.
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key
            && match (&self.version_id, &other.version_id) {
                (Some(mine), Some(theirs)) => mine == theirs,
                _ => {
                    self.etag == other.etag
                        && self.size_bytes == other.size_bytes
                        && self.modified_ms == other.modified_ms
                }
            }
    }

    /// A digest of a set of versions in key order: a snapshot is known by it.
    pub fn digest_of(versions: &[Self]) -> String {
        let mut hasher = blake3::Hasher::new();
        for version in versions {
            let identity = version.version_id.as_deref().unwrap_or(&version.etag);
            for part in [version.key.as_str(), identity] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            hasher.update(&version.size_bytes.to_le_bytes());
            hasher.update(&version.modified_ms.to_le_bytes());
        }
        hasher.finalize().to_hex()[..32].to_string()
    }
}
