use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::model::{RowKey, RowState};
use driftless_core::ports::{PortError, RowStates};
use rusqlite::{Connection, OptionalExtension, params};

use crate::database::{Database, answer};
use crate::failure::Failure;
use crate::recent_states::{RecentStates, pack};
use crate::writer::Durability;

/// States in one transaction: about 10 MB in memory.
const STATES_PER_COMMIT: usize = 50_000;

const SYNC: &str = "SELECT id FROM syncs WHERE name = ?1";
const NEW_SYNC: &str = "INSERT INTO syncs (name) VALUES (?1) RETURNING id";
const GET: &str = "SELECT state FROM row_states WHERE sync_id = ?1 AND key = ?2";
const PUT: &str = "INSERT INTO row_states (sync_id, key, state, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (sync_id, key) DO UPDATE SET state = excluded.state, expires_at_ms = excluded.expires_at_ms";
const PUT_RECENT: &str = "INSERT INTO recent_row_states (sync, states) VALUES (?1, ?2)";
const RECENT: &str = "SELECT sync, states FROM recent_row_states ORDER BY number";
const FORGET_RECENT: &str = "DELETE FROM recent_row_states";
const EXPIRE: &str = "DELETE FROM row_states WHERE (sync_id, key) IN (
    SELECT sync_id, key FROM row_states WHERE sync_id = ?1 AND expires_at_ms <= ?2
    ORDER BY expires_at_ms LIMIT ?3)";

/// Row states in SQLite. Expired states are returned until they are deleted: the caller compares the time. A power loss
/// may take back what was put since the last write to the table.
///
/// The keys of a batch are spread over the whole table: writing a thousand states to their places would write a
/// thousand pages. So a call appends its states as one value, and now and then many of them are sorted into the table
/// at once. Until then they are found in memory.
#[derive(Clone)]
pub struct SqliteRowStates {
    shared: Arc<Shared>,
}

struct Shared {
    database: Arc<Database>,
    /// Held by who appends or sorts in, so that memory and file say the same.
    order: Mutex<()>,
    recent: RwLock<RecentStates>,
}

impl SqliteRowStates {
    pub(crate) fn open(database: Arc<Database>) -> Result<Self, Failure> {
        let recent = database.read_now(load_recent)?;
        Ok(Self { shared: Arc::new(Shared { database, order: Mutex::new(()), recent: RwLock::new(recent) }) })
    }

    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&Shared) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortError> {
        let shared = self.shared.clone();
        answer(what, tokio::task::spawn_blocking(move || job(&shared)).await)
    }
}

#[async_trait]
impl RowStates for SqliteRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        let (sync, keys) = (sync.to_string(), keys.to_vec());
        self.run("reading row states", move |shared| shared.get(&sync, keys)).await
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        let what = "writing row states";
        for states in states.chunks(STATES_PER_COMMIT) {
            let sync = sync.to_string();
            let packed = pack(states).map_err(|error| PortError::halt(what, error, "Report this as a defect"))?;
            self.run(what, move |shared| shared.put(sync, packed)).await?;
        }
        Ok(())
    }

    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError> {
        let sync = sync.to_string();
        self.run("expiring row states", move |shared| shared.expire(sync, now_ms, limit)).await
    }
}

impl Shared {
    fn get(&self, sync: &str, keys: Vec<RowKey>) -> Result<Vec<Option<RowState>>, Failure> {
        // Memory before the file: what is sorted in meanwhile is then found in the file.
        let mut states = self.get_recent(sync, &keys)?;
        let sync = sync.to_string();
        self.database.read_now(move |connection| {
            let Some(id) = sync_id(connection, &sync)? else {
                return Ok(states);
            };
            let mut get = connection.prepare_cached(GET)?;
            get.raw_bind_parameter(1, id)?;
            for (key, state) in keys.iter().zip(&mut states) {
                if state.is_none() {
                    get.raw_bind_parameter(2, key.0.as_slice())?;
                    if let Some(row) = get.raw_query().next()? {
                        let stored = row.get_ref(0)?.as_blob().map_err(|_| unreadable())?;
                        *state = Some(decode(stored)?);
                    }
                }
            }
            Ok(states)
        })
    }

    fn get_recent(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, Failure> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let Some(of_sync) = recent.of(sync) else {
            return Ok(vec![None; keys.len()]);
        };
        let found = keys.iter().map(|key| match of_sync.get(key) {
            Some(state) => decode(state).map(Some),
            None => Ok(None),
        });
        found.collect()
    }

    fn put(&self, sync: String, packed: Bytes) -> Result<(), Failure> {
        let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, states) = (sync.clone(), packed.clone());
        self.database.write_now(Durability::Process, move |connection| {
            let mut put = connection.prepare_cached(PUT_RECENT)?;
            put.execute(params![name, states.as_ref()])?;
            Ok(())
        })?;
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.add(&sync, packed).ok_or_else(unreadable)?;
        let is_full = recent.is_full();
        drop(recent);
        if is_full { self.sort_in() } else { Ok(()) }
    }

    fn expire(&self, sync: String, now_ms: i64, limit: usize) -> Result<usize, Failure> {
        let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        self.sort_in()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database.write_now(Durability::Process, move |connection| match sync_id(connection, &sync)? {
            Some(id) => {
                let mut expire = connection.prepare_cached(EXPIRE)?;
                Ok(expire.execute(params![id, now_ms, limit])?)
            }
            None => Ok(0),
        })
    }

    /// Sorts the recent states into their table. Only for who holds the order.
    fn sort_in(&self) -> Result<(), Failure> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        if recent.is_empty() {
            return Ok(());
        }
        let sorted = recent.sorted();
        drop(recent);
        self.database.write_now(Durability::Process, move |connection| {
            for (sync, states) in &sorted {
                write_sorted(connection, sync, states)?;
            }
            Ok(connection.prepare_cached(FORGET_RECENT)?.execute([])?)
        })?;
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        *recent = RecentStates::default();
        Ok(())
    }
}

fn load_recent(connection: &Connection) -> Result<RecentStates, Failure> {
    let mut recent = RecentStates::default();
    let mut statement = connection.prepare(RECENT)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sync: String = row.get(0)?;
        let packed: Vec<u8> = row.get(1)?;
        let added = recent.add(&sync, Bytes::from(packed));
        added.ok_or_else(unreadable)?;
    }
    Ok(recent)
}

fn write_sorted(connection: &Connection, sync: &str, states: &[(RowKey, Bytes)]) -> Result<(), Failure> {
    let id = match sync_id(connection, sync)? {
        Some(id) => id,
        None => connection.prepare_cached(NEW_SYNC)?.query_row(params![sync], |row| row.get::<_, i64>(0))?,
    };
    let mut put = connection.prepare_cached(PUT)?;
    put.raw_bind_parameter(1, id)?;
    for (key, state) in states {
        put.raw_bind_parameter(2, key.0.as_slice())?;
        put.raw_bind_parameter(3, state.as_ref())?;
        put.raw_bind_parameter(4, decode(state)?.expires_at_ms)?;
        put.raw_execute()?;
    }
    Ok(())
}

fn sync_id(connection: &Connection, sync: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(SYNC)?.query_row(params![sync], |row| row.get(0)).optional()
}

fn decode(state: &[u8]) -> Result<RowState, Failure> {
    postcard::from_bytes(state).map_err(|_| unreadable())
}

fn unreadable() -> Failure {
    Failure::unreadable("a row state cannot be read")
}
