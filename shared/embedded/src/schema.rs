use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::embedded_error::EmbeddedError;

/// Layout of the file; a file with a higher number was written by a newer driftless.
const LAYOUT: i64 = 1;

/// Bytes of a page, twice SQLite's default: about a hundred row states of 40 to 120 bytes share one.
const PAGE_BYTES: i64 = 8_192;

/// Page cache of one connection in KiB. The operating system caches the file beside it.
const CACHE_KIB: i64 = 64 << 10;

/// Bytes of the file that are read through memory instead of system calls: the most that SQLite maps. Pages beyond it
/// are read as usual.
const MAPPED_BYTES: i64 = 0x7fff_0000;

/// Pages in the log after which they are copied into the file: 64 MiB, so that a million row states need few syncs.
const CHECKPOINT_PAGES: i64 = 8_192;

/// How long a statement waits for another process, such as a backup, to let go of the file.
const BUSY_TIMEOUT_MS: i64 = 10_000;

/// Prepared statements kept by a connection: more than this crate has.
const STATEMENTS: usize = 32;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS items (
    partition TEXT NOT NULL,
    sort TEXT NOT NULL,
    revision INTEGER NOT NULL,
    token TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (partition, sort)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_members (
    partition TEXT NOT NULL,
    sort TEXT NOT NULL,
    member INTEGER NOT NULL,
    PRIMARY KEY (partition, sort, member)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    body TEXT NOT NULL,
    visible_at_ms INTEGER NOT NULL,
    received INTEGER NOT NULL,
    receipt TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (queue, visible_at_ms, id);
CREATE TABLE IF NOT EXISTS syncs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS row_states (
    sync_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    state BLOB NOT NULL,
    expires_at_ms INTEGER,
    PRIMARY KEY (sync_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS row_states_by_expiry ON row_states (sync_id, expires_at_ms)
    WHERE expires_at_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS recent_row_states (
    number INTEGER PRIMARY KEY,
    sync TEXT NOT NULL,
    states BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS instances (
    number INTEGER PRIMARY KEY AUTOINCREMENT
) STRICT;
";

/// Opens the connection that writes, and makes the tables if the file is new.
pub(crate) fn open_writer(file: &Path) -> Result<Connection, EmbeddedError> {
    let failed = EmbeddedError::sqlite(file);
    let connection = Connection::open(file).map_err(&failed)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(&failed)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(&failed)?;
    if mode != "wal" {
        return Err(EmbeddedError::database(
            file,
            "this file system cannot share memory between connections",
            "Put the state folder on a local disk, not on a network drive",
        ));
    }
    tune(&connection).map_err(&failed)?;
    check_layout(&connection, file)?;
    make_tables(&connection).map_err(&failed)?;
    Ok(connection)
}

fn check_layout(connection: &Connection, file: &Path) -> Result<(), EmbeddedError> {
    let layout: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(EmbeddedError::sqlite(file))?;
    if layout > LAYOUT {
        return Err(EmbeddedError::database(
            file,
            format!("it has layout {layout}, this version knows {LAYOUT}"),
            "Use the newer version of driftless that wrote it",
        ));
    }
    Ok(())
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;"))
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, EmbeddedError> {
    let failed = EmbeddedError::sqlite(file);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(&failed)?;
    tune(&connection).map_err(&failed)?;
    Ok(connection)
}

/// Opens a connection that only looks, while another process may write. It may write the log's index, which reading
/// needs, but no content.
pub(crate) fn open_looker(file: &Path) -> Result<Connection, EmbeddedError> {
    let failed = EmbeddedError::sqlite(file);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(&failed)?;
    tune(&connection).map_err(&failed)?;
    connection.pragma_update(None, "query_only", true).map_err(&failed)?;
    check_layout(&connection, file)?;
    Ok(connection)
}

/// A connection that looks at empty tables, where the file is not there yet.
pub(crate) fn open_nothing(file: &Path) -> Result<Connection, EmbeddedError> {
    let failed = EmbeddedError::sqlite(file);
    let connection = Connection::open_in_memory().map_err(&failed)?;
    make_tables(&connection).map_err(&failed)?;
    connection.pragma_update(None, "query_only", true).map_err(&failed)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(&format!(
        "PRAGMA cache_size = -{CACHE_KIB};
         PRAGMA mmap_size = {MAPPED_BYTES};
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
         PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};
         PRAGMA temp_store = memory;
         PRAGMA fullfsync = on;
         PRAGMA checkpoint_fullfsync = on;"
    ))
}
