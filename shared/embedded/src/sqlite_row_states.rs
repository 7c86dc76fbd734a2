use std::sync::Arc;

use async_trait::async_trait;
use driftless_core::model::{RowKey, RowState};
use driftless_core::ports::{PortError, RowStates};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::Database;
use crate::writer::Durability;

/// States in one transaction: about 100 ms, so that other writers wait no longer.
const STATES_PER_COMMIT: usize = 50_000;

const SYNC: &str = "SELECT id FROM syncs WHERE name = ?1";
const NEW_SYNC: &str = "INSERT INTO syncs (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = name RETURNING id";
const GET: &str = "SELECT state FROM row_states WHERE sync_id = ?1 AND key = ?2";
const PUT: &str = "INSERT INTO row_states (sync_id, key, state, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (sync_id, key) DO UPDATE SET state = excluded.state, expires_at_ms = excluded.expires_at_ms";
const EXPIRE: &str = "DELETE FROM row_states WHERE (sync_id, key) IN (
    SELECT sync_id, key FROM row_states WHERE sync_id = ?1 AND expires_at_ms <= ?2
    ORDER BY expires_at_ms LIMIT ?3)";

/// Row states in SQLite, stored with postcard. Expired states are returned until they are deleted: the caller compares
/// the time. A power loss may take back what was put since the last write to the table.
#[derive(Clone)]
pub struct SqliteRowStates {
    database: Arc<Database>,
}

impl SqliteRowStates {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl RowStates for SqliteRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        let (sync, keys) = (sync.to_string(), keys.to_vec());
        let get = move |connection: &Connection| states_of(connection, &sync, &keys);
        self.database.read("reading row states", get).await
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        for states in states.chunks(STATES_PER_COMMIT) {
            let sync = sync.to_string();
            let encoded = Encoded::of(states)?;
            let put = move |connection: &Connection| encoded.write(connection, &sync);
            self.database
                .write("writing row states", Durability::Process, put)
                .await?;
        }
        Ok(())
    }

    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError> {
        let sync = sync.to_string();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let expire = move |connection: &Connection| match sync_id(connection, &sync)? {
            Some(id) => connection
                .prepare_cached(EXPIRE)?
                .execute(params![id, now_ms, limit]),
            None => Ok(0),
        };
        self.database
            .write("expiring row states", Durability::Process, expire)
            .await
    }
}

fn sync_id(connection: &Connection, sync: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(SYNC)?
        .query_row(params![sync], |row| row.get(0))
        .optional()
}

fn states_of(
    connection: &Connection,
    sync: &str,
    keys: &[RowKey],
) -> rusqlite::Result<Vec<Option<RowState>>> {
    let Some(id) = sync_id(connection, sync)? else {
        return Ok(vec![None; keys.len()]);
    };
    let mut states = Vec::with_capacity(keys.len());
    let mut get = connection.prepare_cached(GET)?;
    get.raw_bind_parameter(1, id)?;
    for key in keys {
        get.raw_bind_parameter(2, key.0.as_slice())?;
        let mut rows = get.raw_query();
        states.push(match rows.next()? {
            Some(row) => Some(decode(row.get_ref(0)?.as_blob()?)?),
            None => None,
        });
    }
    Ok(states)
}

fn decode(bytes: &[u8]) -> rusqlite::Result<RowState> {
    postcard::from_bytes(bytes).map_err(|error| {
        let cause = FromSqlError::Other(Box::new(error));
        rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(cause))
    })
}

/// States as they are stored, in key order: neighbours share a page.
struct Encoded {
    bytes: Vec<u8>,
    rows: Vec<EncodedState>,
}

struct EncodedState {
    key: RowKey,
    end: usize,
    start: usize,
    expires_at_ms: Option<i64>,
}

impl Encoded {
    fn of(states: &[(RowKey, RowState)]) -> Result<Self, PortError> {
        let mut bytes = Vec::new();
        let mut rows = Vec::with_capacity(states.len());
        for (key, state) in states {
            let start = bytes.len();
            bytes = postcard::to_extend(state, bytes).map_err(|error| {
                PortError::halt("writing row states", error, "Report this as a defect")
            })?;
            rows.push(EncodedState {
                key: *key,
                start,
                end: bytes.len(),
                expires_at_ms: state.expires_at_ms,
            });
        }
        // Stable: of two states of one key the later one stays the later.
        rows.sort_by_key(|row| row.key);
        Ok(Self { bytes, rows })
    }

    fn write(&self, connection: &Connection, sync: &str) -> rusqlite::Result<()> {
        let id = match sync_id(connection, sync)? {
            Some(id) => id,
            None => connection
                .prepare_cached(NEW_SYNC)?
                .query_row(params![sync], |row| row.get::<_, i64>(0))?,
        };
        let mut put = connection.prepare_cached(PUT)?;
        put.raw_bind_parameter(1, id)?;
        for row in &self.rows {
            put.raw_bind_parameter(2, row.key.0.as_slice())?;
            put.raw_bind_parameter(3, &self.bytes[row.start..row.end])?;
            put.raw_bind_parameter(4, row.expires_at_ms)?;
            put.raw_execute()?;
        }
        Ok(())
    }
}
