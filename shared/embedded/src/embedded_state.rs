use std::path::Path;
use std::sync::Arc;

use driftless_core::ports::Clock;
use rusqlite::Connection;

use crate::database::Database;
use crate::embedded_error::EmbeddedError;
use crate::failure::Failure;
use crate::folder_blobs::{FolderBlobs, sync_folder};
use crate::instance::Instance;
use crate::process_lock::ProcessLock;
use crate::sqlite_queue::{SqliteQueue, release_received};
use crate::sqlite_row_states::SqliteRowStates;
use crate::sqlite_table::SqliteTable;
use crate::writer::Durability;

/// Name of the SQLite file in the state folder.
const STATE_FILE: &str = "state.sqlite3";

/// Name of the folder of blobs in the state folder.
const BLOBS_FOLDER: &str = "blobs";

/// All state of one machine: a folder that one process at a time works on.
pub struct EmbeddedState {
    /// Checkpoints, claims, history.
    pub table: Arc<SqliteTable>,
    /// Pointers to work.
    pub queue: Arc<SqliteQueue>,
    /// insert_id items.
    pub row_states: Arc<SqliteRowStates>,
    /// Staged batches, ledgers, quarantine.
    pub blobs: Arc<FolderBlobs>,
    /// Who works here.
    pub instance: Arc<Instance>,
}

impl EmbeddedState {
    /// Opens a state folder, or makes it. What an earlier process left half done is cleared away, and the messages that
    /// it had received are visible again.
    pub fn open(state_folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        create_private(state_folder)
            .and_then(|()| state_folder.parent().map_or(Ok(()), sync_folder))
            .map_err(|error| EmbeddedError::folder(state_folder, error))?;
        let lock = Arc::new(ProcessLock::take(state_folder)?);
        let file = state_folder.join(STATE_FILE);
        let database = Database::open(&file, lock)?;
        let failed =
            |failure: Failure| EmbeddedError::database(&file, failure, "Check that the disk is writable and not full");
        let now_ms = clock.now_ms();
        let number = database
            .write_now(Durability::Power, move |connection| {
                release_received(connection, now_ms)?;
                Ok(next_instance(connection)?)
            })
            .map_err(failed)?;
        let row_states = SqliteRowStates::open(database.clone()).map_err(failed)?;
        let blobs = FolderBlobs::new(state_folder.join(BLOBS_FOLDER));
        blobs.remove_unfinished().map_err(|error| EmbeddedError::folder(state_folder, error))?;
        Ok(Self::of(database, row_states, blobs, number, clock))
    }

    /// Opens a state folder for looking, beside the process that works in it. Nothing is made or changed: a write to the
    /// database is an error. A folder that is not there looks empty.
    pub fn look(state_folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let file = state_folder.join(STATE_FILE);
        let database = Database::look(&file)?;
        let failed =
            |failure: Failure| EmbeddedError::database(&file, failure, "Look again when driftless sync has begun");
        let number = database.read_now(|connection| Ok(last_instance(connection)?)).map_err(failed)?;
        let row_states = SqliteRowStates::open(database.clone()).map_err(failed)?;
        Ok(Self::of(database, row_states, FolderBlobs::new(state_folder.join(BLOBS_FOLDER)), number, clock))
    }

    fn of(
        database: Arc<Database>,
        row_states: SqliteRowStates,
        blobs: FolderBlobs,
        number: i64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            table: Arc::new(SqliteTable::new(database.clone())),
            queue: Arc::new(SqliteQueue::new(database, clock)),
            row_states: Arc::new(row_states),
            blobs: Arc::new(blobs),
            instance: Arc::new(Instance::new(number)),
        }
    }
}

/// Counts this start. The number outlives its row: AUTOINCREMENT remembers the highest that ever was.
fn next_instance(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute("DELETE FROM instances", [])?;
    connection.execute("INSERT INTO instances DEFAULT VALUES", [])?;
    Ok(connection.last_insert_rowid())
}

fn last_instance(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(number), 0) FROM instances", [], |row| row.get(0))
}

/// Makes the folder so that only its user may look inside: what waits there to be sent is personal data.
#[cfg(unix)]
fn create_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
