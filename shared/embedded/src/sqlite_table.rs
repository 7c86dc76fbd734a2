use std::sync::Arc;

use async_trait::async_trait;
use driftless_core::ports::{Item, PortError, Put, Table};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::Database;
use crate::writer::Durability;

const GET: &str = "SELECT revision, token, body FROM items WHERE partition = ?1 AND sort = ?2";
const LIST: &str = "SELECT revision, token, body, sort FROM items
    WHERE partition = ?1 AND sort > ?2 ORDER BY sort LIMIT ?3";
const PUT: &str = "INSERT INTO items (partition, sort, revision, token, body) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (partition, sort) DO UPDATE
    SET revision = excluded.revision, token = excluded.token, body = excluded.body";
const PUT_FACT: &str = "INSERT INTO items (partition, sort, revision, token, body) VALUES (?1, ?2, 1, '', ?3)
    ON CONFLICT (partition, sort) DO UPDATE
    SET revision = revision + 1, token = excluded.token, body = excluded.body";
const DELETE: &str = "DELETE FROM items WHERE partition = ?1 AND sort = ?2";
const DELETE_SET: &str = "DELETE FROM set_members WHERE partition = ?1 AND sort = ?2";
const ADD: &str = "INSERT OR IGNORE INTO set_members (partition, sort, member) VALUES (?1, ?2, ?3)";
const COUNT: &str = "SELECT count(*) FROM set_members WHERE partition = ?1 AND sort = ?2";

/// The table in SQLite. Every write is on disk, with all that was written before it, when it returns.
#[derive(Clone)]
pub struct SqliteTable {
    database: Arc<Database>,
}

impl SqliteTable {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.database.write(what, Durability::Power, job).await
    }
}

#[async_trait]
impl Table for SqliteTable {
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError> {
        let (partition, sort) = (partition.to_string(), sort.to_string());
        let get = move |connection: &Connection| current(connection, &partition, &sort);
        self.database.read("reading an item", get).await
    }

    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError> {
        let (partition, sort) = (partition.to_string(), sort.to_string());
        let (token, body) = (token.to_string(), body.to_vec());
        self.write("writing an item", move |connection| {
            let current = current(connection, &partition, &sort)?;
            if current.as_ref().map(|item| item.revision) != expected {
                return Ok(Put::Conflict(current));
            }
            let revision = expected.unwrap_or(0) + 1;
            connection.prepare_cached(PUT)?.execute(params![partition, sort, revision.cast_signed(), token, body])?;
            Ok(Put::Done(revision))
        })
        .await
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        let (partition, sort, body) = (partition.to_string(), sort.to_string(), body.to_vec());
        self.write("writing a fact", move |connection| {
            connection.prepare_cached(PUT_FACT)?.execute(params![partition, sort, body])?;
            Ok(())
        })
        .await
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError> {
        let (partition, after) = (partition.to_string(), after.to_string());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let list = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            let rows = statement.query_map(params![partition, after, limit], |row| Ok((row.get(3)?, item(row)?)))?;
            rows.collect()
        };
        self.database.read("listing items", list).await
    }

    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let (partition, sort) = (partition.to_string(), sort.to_string());
        self.write("deleting an item", move |connection| {
            for statement in [DELETE, DELETE_SET] {
                connection.prepare_cached(statement)?.execute(params![partition, sort])?;
            }
            Ok(())
        })
        .await
    }

    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError> {
        let (partition, sort) = (partition.to_string(), sort.to_string());
        self.write("adding to a set", move |connection| {
            connection.prepare_cached(ADD)?.execute(params![partition, sort, member])?;
            connection.prepare_cached(COUNT)?.query_row(params![partition, sort], |row| row.get(0))
        })
        .await
    }
}

fn current(connection: &Connection, partition: &str, sort: &str) -> rusqlite::Result<Option<Item>> {
    connection.prepare_cached(GET)?.query_row(params![partition, sort], item).optional()
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item { revision: row.get::<_, i64>(0)?.cast_unsigned(), token: row.get(1)?, body: row.get(2)? })
}
