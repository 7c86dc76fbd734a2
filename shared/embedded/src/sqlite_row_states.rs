use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

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

/// States that are sorted into their table in one transaction: other writers wait for about 25 ms.
const SORTED_PER_COMMIT: usize = 10_000;

const SYNC: &str = "SELECT id FROM syncs WHERE name = ?1";
const NEW_SYNC: &str = "INSERT INTO syncs (name) VALUES (?1) RETURNING id";
const GET: &str = "SELECT state FROM row_states WHERE sync_id = ?1 AND key = ?2";
const PUT: &str = "INSERT INTO row_states (sync_id, key, state, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (sync_id, key) DO UPDATE SET state = excluded.state, expires_at_ms = excluded.expires_at_ms";
const PUT_RECENT: &str = "INSERT INTO recent_row_states (sync, states) VALUES (?1, ?2)";
const RECENT: &str = "SELECT number, sync, states FROM recent_row_states ORDER BY number";
const FORGET_RECENT: &str = "DELETE FROM recent_row_states WHERE number <= ?1";
const EXPIRE: &str = "DELETE FROM row_states WHERE (sync_id, key) IN (
    SELECT sync_id, key FROM row_states WHERE sync_id = ?1 AND expires_at_ms <= ?2
    ORDER BY expires_at_ms LIMIT ?3)";

/// Row states in SQLite. Expired states are returned until they are deleted: the caller compares the time. A power loss
/// may take back what was put since the last write to the table.
///
/// The keys of a batch are spread over the whole table: writing a thousand states to their places would write a
/// thousand pages. So a call appends its states as one value, and now and then many of them are sorted into the table
/// at once, by the call that made them many, while others go on. Until then they are found in memory. A process that
/// ends in between sorts the same states in again later: the newest ones are still in front of the table.
#[derive(Clone)]
pub struct SqliteRowStates {
    shared: Arc<Shared>,
}

struct Shared {
    database: Arc<Database>,
    /// Held by who appends, so that memory and file say the same.
    order: Mutex<()>,
    /// Held by who sorts in.
    sorting: Mutex<()>,
    recent: RwLock<Recent>,
}

#[derive(Default)]
struct Recent {
    growing: RecentStates,
    /// Older ones, which are being sorted in.
    sorting: Option<Arc<RecentStates>>,
}

impl SqliteRowStates {
    pub(crate) fn open(database: Arc<Database>) -> Result<Self, Failure> {
        let recent = Recent { growing: database.read_now(load_recent)?, sorting: None };
        let (order, sorting) = (Mutex::new(()), Mutex::new(()));
        Ok(Self { shared: Arc::new(Shared { database, order, sorting, recent: RwLock::new(recent) }) })
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
            let expires_at_ms = states.iter().filter_map(|(_, state)| state.expires_at_ms).min();
            self.run(what, move |shared| shared.put(sync, packed, expires_at_ms)).await?;
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
        let newest_first = [recent.growing.of(sync), recent.sorting.as_ref().and_then(|sorting| sorting.of(sync))];
        let find = |key: &RowKey| newest_first.iter().flatten().find_map(|states| states.get(key));
        keys.iter().map(|key| find(key).map(|state| decode(state)).transpose()).collect()
    }

    fn put(&self, sync: String, packed: Bytes, expires_at_ms: Option<i64>) -> Result<(), Failure> {
        let order = locked(&self.order);
        let (name, states) = (sync.clone(), packed.clone());
        let number = self.database.write_now(Durability::Process, move |connection| {
            let mut put = connection.prepare_cached(PUT_RECENT)?;
            Ok(put.insert(params![name, states.as_ref()])?)
        })?;
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.growing.add(number, &sync, packed, expires_at_ms).ok_or_else(unreadable)?;
        let (is_full, is_overfull) = (recent.growing.is_full(), recent.growing.is_overfull());
        drop(recent);
        let sorting = match self.sorting.try_lock() {
            _ if !is_full => return Ok(()),
            Ok(sorting) => sorting,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if is_overfull => locked(&self.sorting),
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let older = self.freeze();
        drop(order);
        self.sort_in(older, &sorting)
    }

    fn expire(&self, sync: String, now_ms: i64, limit: usize) -> Result<usize, Failure> {
        let _order = locked(&self.order);
        let sorting = locked(&self.sorting);
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let may_expire = recent.growing.may_expire(now_ms);
        drop(recent);
        if may_expire {
            self.sort_in(self.freeze(), &sorting)?;
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database.write_now(Durability::Process, move |connection| match sync_id(connection, &sync)? {
            Some(id) => {
                let mut expire = connection.prepare_cached(EXPIRE)?;
                Ok(expire.execute(params![id, now_ms, limit])?)
            }
            None => Ok(0),
        })
    }

    /// Begins a new generation of recent states and returns the one before. Only for who holds the order and the sorting.
    fn freeze(&self) -> Arc<RecentStates> {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        let older = Arc::new(mem::take(&mut recent.growing));
        recent.sorting = Some(older.clone());
        older
    }

    /// Sorts a generation into its table.
    fn sort_in(&self, older: Arc<RecentStates>, _sorting: &MutexGuard<'_, ()>) -> Result<(), Failure> {
        let result = self.write_sorted(&older);
        drop(older);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        let older = recent.sorting.take().and_then(Arc::into_inner);
        if result.is_err()
            && let Some(mut older) = older
        {
            // They are still stored in front of the table: a later call tries again.
            older.extend(mem::take(&mut recent.growing));
            recent.growing = older;
        }
        result
    }

    fn write_sorted(&self, older: &RecentStates) -> Result<(), Failure> {
        if older.is_empty() {
            return Ok(());
        }
        for (sync, states) in older.sorted() {
            for states in states.chunks(SORTED_PER_COMMIT) {
                let (sync, states) = (sync.clone(), states.to_vec());
                let write = move |connection: &Connection| write_sorted(connection, &sync, &states);
                self.database.write_now(Durability::Process, write)?;
            }
        }
        let last = older.last();
        self.database.write_now(Durability::Process, move |connection| {
            connection.prepare_cached(FORGET_RECENT)?.execute(params![last])?;
            Ok(())
        })
    }
}

fn locked(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load_recent(connection: &Connection) -> Result<RecentStates, Failure> {
    let mut recent = RecentStates::default();
    let mut statement = connection.prepare(RECENT)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (number, sync): (i64, String) = (row.get(0)?, row.get(1)?);
        let packed: Vec<u8> = row.get(2)?;
        // Unknown without looking at each: as if one of them had expired.
        let added = recent.add(number, &sync, Bytes::from(packed), Some(i64::MIN));
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
