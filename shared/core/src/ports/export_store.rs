use std::io::{Read, Seek};

use async_trait::async_trait;

use super::{ExportError, PortError};
use crate::model::ExportVersion;

/// The bytes of one export version. Reading blocks: it happens where [`super::Compute`] says.
pub trait ExportBytes: Read + Seek + Send {
    /// Asked after the last read: whether all bytes read were those of the pinned version.
    fn is_still_pinned(&mut self) -> std::io::Result<bool>;
}

/// Where exports are.
#[async_trait]
pub trait ExportStore: Send + Sync {
    /// Current versions of the objects whose key starts with `prefix`, in key order, after the key `after`, at most `limit`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError>;

    /// Opens exactly this version, or says that it changed or is gone.
    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError>;
}
