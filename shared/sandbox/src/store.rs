//! What arrived, kept in SQLite: every accepted copy and every request. All calls block.

mod amplitude;
mod definitions;
mod deletions;
mod merges;
mod read;
mod rows;
mod write;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::amplitude::project::Project;

pub use amplitude::Entry;
pub use rows::{CopyFilter, CopyRow, DayCount, EventCount, ProfileRow, RequestRow, Totals};
pub use write::NewRequest;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePath {
    /// In memory: gone when the store is dropped.
    Memory,
    /// A file, created if it does not exist.
    File(PathBuf),
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened as a database.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file belongs to something else, or to another version of the sandbox.
    #[error("{} is not a sandbox store of this version; delete it or name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Properties could not be written as JSON.
    #[error("store: {0}")]
    Json(#[from] serde_json::Error),
}

/// Marks a file as a sandbox store ("Drif").
const APPLICATION_ID: i64 = 0x4472_6966;
/// The version of the tables below.
const SCHEMA_VERSION: i64 = 6;

/// `identity` finds the latest copy of an identity, and answers every count without reading properties.
const SCHEMA: &str = "
    CREATE TABLE copies (
        seq INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        event TEXT NOT NULL,
        distinct_id TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        insert_id TEXT NOT NULL,
        deleted INTEGER NOT NULL,
        properties TEXT NOT NULL,
        received_ms INTEGER NOT NULL
    );
    CREATE INDEX identity ON copies (event, distinct_id, time_ms, insert_id, project, deleted);
    CREATE TABLE profiles (
        project TEXT NOT NULL,
        group_key TEXT NOT NULL,
        id TEXT NOT NULL,
        properties TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (project, group_key, id)
    );
    CREATE TABLE merges (
        project TEXT NOT NULL,
        a TEXT NOT NULL,
        b TEXT NOT NULL,
        PRIMARY KEY (project, a, b)
    );
    CREATE TABLE lookup_tables (
        project TEXT NOT NULL,
        id TEXT NOT NULL,
        csv TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        PRIMARY KEY (project, id)
    );
    CREATE TABLE deletions (
        tracking INTEGER PRIMARY KEY,
        ids TEXT NOT NULL,
        status TEXT NOT NULL
    );
    CREATE TABLE definitions (
        id INTEGER PRIMARY KEY,
        resource TEXT NOT NULL,
        name TEXT NOT NULL,
        definition TEXT NOT NULL,
        UNIQUE (resource, name)
    );
    CREATE TABLE amplitude_log (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        entry TEXT NOT NULL
    );
    CREATE TABLE requests (
        seq INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        path TEXT NOT NULL,
        status INTEGER NOT NULL,
        events INTEGER NOT NULL,
        accepted INTEGER NOT NULL,
        note TEXT NOT NULL
    );
";

/// The store of a sandbox. One connection: calls from several threads take turns.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    /// What Amplitude's project has: what the log comes to.
    amplitude: Mutex<Project>,
}

impl Store {
    /// Opens the store, creating its tables if it is new.
    pub fn open(path: &StorePath) -> Result<Self, StoreError> {
        let connection = match path {
            StorePath::Memory => Connection::open_in_memory()?,
            StorePath::File(file) => {
                let open = |source| StoreError::Open { path: file.clone(), source };
                let connection = Connection::open(file).map_err(open)?;
                set_up_file(&connection).map_err(open)?;
                connection
            }
        };
        // 64 MB of pages, so that the index of a large store stays in memory; 64 prepared statements.
        connection.pragma_update(None, "cache_size", -64_000)?;
        connection.set_prepared_statement_cache_capacity(64);
        create_tables(&connection, path)?;
        let store = Self { connection: Mutex::new(connection), amplitude: Mutex::default() };
        store.replay_amplitude()?;
        Ok(store)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic in another call leaves no half-made state: an open transaction rolls back when it is dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A crash of the machine may lose the last transactions, never corrupt the file: enough for a stand-in, and fast.
fn set_up_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

fn create_tables(connection: &Connection, path: &StorePath) -> Result<(), StoreError> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        return Ok(());
    }
    if number("application_id")? == APPLICATION_ID && number("user_version")? == SCHEMA_VERSION {
        return Ok(());
    }
    Err(StoreError::Foreign {
        path: match path {
            StorePath::Memory => PathBuf::from(":memory:"),
            StorePath::File(file) => file.clone(),
        },
    })
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
