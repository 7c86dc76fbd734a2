use std::collections::BTreeMap;
use std::io::{Cursor, Read, Result as IoResult, Seek, SeekFrom};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::model::ExportVersion;
use driftless_core::ports::{ExportBytes, ExportError, ExportStore, PortError};

use super::blobs::start;
use super::locked::locked;

/// Exports in a map. Each put is a new version with a tag of its own, even of equal bytes, as in a bucket without
/// versioning: the version before is gone.
#[derive(Clone, Debug, Default)]
pub struct MemoryExports {
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    exports: BTreeMap<String, (ExportVersion, Bytes)>,
    versions: u64,
}

impl MemoryExports {
    /// No exports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an export, as a warehouse does, and returns its version.
    pub fn put(&self, key: &str, bytes: impl Into<Bytes>, modified_ms: i64) -> ExportVersion {
        let bytes = bytes.into();
        let mut inside = locked(&self.inside);
        inside.versions += 1;
        let version = ExportVersion {
            key: key.to_string(),
            etag: format!("{:08x}", inside.versions),
            size_bytes: bytes.len() as u64,
            modified_ms,
            version_id: None,
        };
        let stored = (version.clone(), bytes);
        inside.exports.insert(key.to_string(), stored);
        version
    }

    /// Removes an export.
    pub fn delete(&self, key: &str) {
        locked(&self.inside).exports.remove(key);
    }

    /// The current bytes of an export.
    pub fn bytes(&self, key: &str) -> Option<Bytes> {
        let inside = locked(&self.inside);
        inside.exports.get(key).map(|(_, bytes)| bytes.clone())
    }

    /// The current versions of all exports, in key order.
    pub fn versions(&self) -> Vec<ExportVersion> {
        let inside = locked(&self.inside);
        let versions = inside.exports.values();
        versions.map(|(version, _)| version.clone()).collect()
    }
}

#[async_trait]
impl ExportStore for MemoryExports {
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
        let inside = locked(&self.inside);
        let versions = inside
            .exports
            .range::<str, _>((start(prefix, after), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(_, (version, _))| version.clone());
        Ok(versions.take(limit).collect())
    }

    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
        match locked(&self.inside).exports.get(&version.key) {
            Some((current, bytes)) if current.is_same(version) => {
                Ok(Box::new(MemoryExport(Cursor::new(bytes.clone()))))
            }
            _ => Err(ExportError::Changed { export: version.key.clone() }),
        }
    }
}

/// The bytes as they were when they were opened, whatever happens to the export.
struct MemoryExport(Cursor<Bytes>);

impl Read for MemoryExport {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.0.read(buffer)
    }
}

impl Seek for MemoryExport {
    fn seek(&mut self, position: SeekFrom) -> IoResult<u64> {
        self.0.seek(position)
    }
}

impl ExportBytes for MemoryExport {
    fn is_still_pinned(&mut self) -> IoResult<bool> {
        Ok(true)
    }
}
