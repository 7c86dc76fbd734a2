use std::io::{Error, ErrorKind, Read, Result as IoResult, Seek, SeekFrom};

use async_trait::async_trait;
use driftless_core::model::ExportVersion;
use driftless_core::ports::{ExportBytes, ExportError, ExportStore, PortError};

use super::{Fault, World};
use crate::memory::MemoryExports;

/// The exports, with F10-F12, F21-F23.
pub struct SimExports {
    /// The truth.
    pub inner: MemoryExports,
    /// The world.
    pub world: World,
}

#[async_trait]
impl ExportStore for SimExports {
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
        self.world.point().await;
        if self.world.strikes(Fault::StoreBusy) {
            return Err(PortError::retry("list exports", "slow down"));
        }
        self.inner.list(prefix, after, limit).await
    }

    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
        self.world.point().await;
        if self.world.strikes(Fault::StoreBusy) {
            return Err(ExportError::Retry { export: version.key.clone(), cause: "slow down".to_string() });
        }
        let bytes = self.inner.open(version).await?;
        let breaks_after = self.world.strikes(Fault::ReadBroken).then(|| self.world.draw(400));
        Ok(Box::new(SimBytes { bytes, breaks_after }))
    }
}

/// Bytes whose connection may break.
struct SimBytes {
    bytes: Box<dyn ExportBytes>,
    breaks_after: Option<u64>,
}

impl Read for SimBytes {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        let Some(left) = self.breaks_after else { return self.bytes.read(buffer) };
        if left == 0 {
            return Err(Error::new(ErrorKind::ConnectionReset, "the connection broke"));
        }
        let wanted = buffer.len().min(left as usize);
        let read = self.bytes.read(&mut buffer[..wanted])?;
        self.breaks_after = Some(left - read as u64);
        Ok(read)
    }
}

impl Seek for SimBytes {
    fn seek(&mut self, to: SeekFrom) -> IoResult<u64> {
        self.bytes.seek(to)
    }
}

impl ExportBytes for SimBytes {
    fn is_still_pinned(&mut self) -> IoResult<bool> {
        self.bytes.is_still_pinned()
    }
}
