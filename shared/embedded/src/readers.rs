use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use crate::embedded_error::EmbeddedError;
use crate::failure::Failure;
use crate::schema::{open_looker, open_nothing, open_reader};

/// Connections that read at the same time; further readers wait for one.
const READERS: usize = 4;

/// The connections that read.
pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    pub fn open(file: &Path) -> Result<Self, EmbeddedError> {
        let idle: Result<Vec<_>, _> = (0..READERS).map(|_| open_reader(file)).collect();
        Ok(Self { idle: Mutex::new(idle?), returned: Condvar::new() })
    }

    /// Of a file that another process may be working on.
    pub fn look(file: &Path) -> Result<Self, EmbeddedError> {
        Ok(Self { idle: Mutex::new(vec![open_looker(file)?]), returned: Condvar::new() })
    }

    /// Of no file: there is nothing in it.
    pub fn nothing(file: &Path) -> Result<Self, EmbeddedError> {
        Ok(Self { idle: Mutex::new(vec![open_nothing(file)?]), returned: Condvar::new() })
    }

    /// Runs a job on one snapshot of the file. Blocks.
    pub fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let borrowed = Borrowed { readers: self, connection: Some(self.take()) };
        let Some(connection) = &borrowed.connection else {
            return Err(Failure::aborted("no connection is left"));
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        let result = job(connection);
        // Ends the snapshot; nothing was written.
        connection.prepare_cached("COMMIT")?.execute([])?;
        result
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match idle.pop() {
                Some(connection) => return connection,
                None => {
                    idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// Gives the connection back, even if the job panics.
struct Borrowed<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            if !connection.is_autocommit() {
                // A job that panicked left its snapshot open.
                let _ = connection.execute_batch("ROLLBACK");
            }
            let idle = self.readers.idle.lock();
            idle.unwrap_or_else(PoisonError::into_inner).push(connection);
            self.readers.returned.notify_one();
        }
    }
}
