use std::path::Path;
use std::sync::Arc;

use driftless_core::ports::PortError;
use rusqlite::Connection;
use tokio::task::JoinError;

use crate::embedded_error::EmbeddedError;
use crate::failure::Failure;
use crate::process_lock::ProcessLock;
use crate::readers::Readers;
use crate::schema::open_writer;
use crate::writer::{Durability, Writer};

/// The SQLite file: one connection that writes, a few that read. Its work is done where blocking is allowed.
pub(crate) struct Database {
    readers: Readers,
    /// Absent where this process only looks.
    writer: Option<Writer>,
    // Released after the connections: fields are dropped in order.
    _lock: Option<Arc<ProcessLock>>,
}

impl Database {
    pub fn open(file: &Path, lock: Arc<ProcessLock>) -> Result<Arc<Self>, EmbeddedError> {
        let writer = Writer::new(open_writer(file)?);
        Ok(Arc::new(Self { readers: Readers::open(file)?, writer: Some(writer), _lock: Some(lock) }))
    }

    /// Opens the file, or nothing if there is none, for looking beside the process that works on it.
    pub fn look(file: &Path) -> Result<Arc<Self>, EmbeddedError> {
        let readers = if file.exists() { Readers::look(file)? } else { Readers::nothing(file)? };
        Ok(Arc::new(Self { readers, writer: None, _lock: None }))
    }

    /// Runs a job on one snapshot.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let database = self.clone();
        let read = move || database.read_now(|connection| Ok(job(connection)?));
        answer(what, tokio::task::spawn_blocking(read).await)
    }

    /// Runs a job in a transaction. Once started it ends, whether or not anyone waits.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        durability: Durability,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let database = self.clone();
        let write = move || database.write_now(durability, |connection| Ok(job(connection)?));
        answer(what, tokio::task::spawn_blocking(write).await)
    }

    /// As [`Self::read`], where blocking is allowed.
    pub fn read_now<T>(&self, job: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        self.readers.read(job)
    }

    /// As [`Self::write`], where blocking is allowed.
    pub fn write_now<T: Send + 'static>(
        &self,
        durability: Durability,
        job: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        match &self.writer {
            Some(writer) => writer.write(durability, job),
            None => Err(Failure::only_looking()),
        }
    }
}

/// What came of work on another thread.
pub(crate) fn answer<T>(what: &str, result: Result<Result<T, Failure>, JoinError>) -> Result<T, PortError> {
    match result {
        Ok(result) => result.map_err(|failure| failure.port_error(what)),
        Err(error) => Err(PortError::retry(what, error)),
    }
}
