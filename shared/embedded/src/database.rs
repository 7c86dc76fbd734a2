use std::path::Path;
use std::sync::Arc;

use driftless_core::ports::PortError;
use rusqlite::Connection;

use crate::embedded_error::EmbeddedError;
use crate::failure::Failure;
use crate::process_lock::ProcessLock;
use crate::readers::Readers;
use crate::schema::open_writer;
use crate::writer::{Durability, Writer};

/// The SQLite file: one connection that writes, a few that read. Its work is done where blocking is allowed.
pub(crate) struct Database {
    readers: Readers,
    writer: Writer,
    // Released after the connections: fields are dropped in order.
    _lock: Arc<ProcessLock>,
}

impl Database {
    pub fn open(file: &Path, lock: Arc<ProcessLock>) -> Result<Arc<Self>, EmbeddedError> {
        let writer = Writer::new(open_writer(file)?);
        Ok(Arc::new(Self {
            readers: Readers::open(file)?,
            writer,
            _lock: lock,
        }))
    }

    /// Runs a job on one snapshot.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let database = self.clone();
        match tokio::task::spawn_blocking(move || database.readers.read(job)).await {
            Ok(result) => result.map_err(|error| Failure::from(error).port_error(what)),
            Err(error) => Err(PortError::retry(what, error)),
        }
    }

    /// Runs a job in a transaction. Once started it ends, whether or not anyone waits.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        durability: Durability,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let database = self.clone();
        match tokio::task::spawn_blocking(move || database.writer.write(durability, job)).await {
            Ok(result) => result.map_err(|failure| failure.port_error(what)),
            Err(error) => Err(PortError::retry(what, error)),
        }
    }

    /// As [`Self::write`], before there is a runtime.
    pub fn write_now<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.writer.write(Durability::Power, job)
    }
}
