use std::fs::{File, Metadata};
use std::io::{Read, Result, Seek, SeekFrom};
use std::time::{SystemTime, UNIX_EPOCH};

use driftless_core::model::ExportVersion;
use driftless_core::ports::ExportBytes;

/// What a file's metadata say about its version. A new file under an old name has another inode, a file that is written
/// in place another time or size.
pub(crate) fn version_of(key: String, metadata: &Metadata) -> Result<ExportVersion> {
    let modified_ns = ns_since_epoch(metadata.modified()?);
    let size_bytes = metadata.len();
    Ok(ExportVersion {
        key,
        etag: format!("{modified_ns:x}-{size_bytes:x}-{:x}", inode(metadata)),
        size_bytes,
        modified_ms: i64::try_from(modified_ns / 1_000_000).unwrap_or(i64::MAX),
        version_id: None,
    })
}

/// Nanoseconds since the epoch; a time before it counts as the epoch.
fn ns_since_epoch(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// An open file of a known version.
pub(crate) struct ExportFile {
    pub file: File,
    pub version: ExportVersion,
}

impl Read for ExportFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for ExportFile {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.file.seek(position)
    }
}

impl ExportBytes for ExportFile {
    /// Looks at the open file, not at its name: a file that was renamed over this one leaves these bytes as they were,
    /// and the next listing shows the new version.
    fn is_still_pinned(&mut self) -> Result<bool> {
        let now = version_of(self.version.key.clone(), &self.file.metadata()?)?;
        Ok(now.is_same(&self.version))
    }
}
