use std::sync::Arc;

use async_trait::async_trait;
use driftless_core::ports::{Clock, Message, PortError, Queue, QueueName};
use rusqlite::{Connection, params};

use crate::database::Database;
use crate::writer::Durability;

const SEND: &str = "INSERT INTO messages (queue, body, visible_at_ms, received) VALUES (?1, ?2, ?3, 0)";
const ANY: &str = "SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND visible_at_ms <= ?2)";
const VISIBLE: &str = "SELECT id, body, received FROM messages
    WHERE queue = ?1 AND visible_at_ms <= ?2 ORDER BY visible_at_ms, id LIMIT ?3";
const HIDE: &str = "UPDATE messages SET visible_at_ms = ?2, received = ?3, receipt = ?4 WHERE id = ?1";
const ACK: &str = "DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND receipt = ?3";
const RETRY: &str = "UPDATE messages SET visible_at_ms = ?4, receipt = NULL
    WHERE id = ?1 AND queue = ?2 AND receipt = ?3";
const RELEASE: &str = "UPDATE messages SET visible_at_ms = ?1, receipt = NULL
    WHERE receipt IS NOT NULL AND visible_at_ms > ?1";

/// The queues in SQLite. A receipt is good until its message is received again, as in SQS; an older one does nothing.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteQueue {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.database.write(what, Durability::Process, job).await
    }
}

/// Shows again what an earlier process received and did not finish: it is gone, so there is nothing to wait for.
pub(crate) fn release_received(connection: &Connection, now_ms: i64) -> rusqlite::Result<usize> {
    connection.execute(RELEASE, params![now_ms])
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn send(&self, queue: QueueName, bodies: Vec<String>, delay_ms: i64) -> Result<(), PortError> {
        let visible_at_ms = later(self.clock.now_ms(), delay_ms);
        self.write("sending messages", move |connection| {
            let mut send = connection.prepare_cached(SEND)?;
            for body in &bodies {
                send.execute(params![number(queue), body, visible_at_ms])?;
            }
            Ok(())
        })
        .await
    }

    async fn receive(&self, queue: QueueName, limit: usize, hide_ms: i64) -> Result<Vec<Message>, PortError> {
        let now_ms = self.clock.now_ms();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Asking an empty queue must not disturb who writes.
        let look = move |connection: &Connection| {
            connection.prepare_cached(ANY)?.query_row(params![number(queue), now_ms], |row| row.get(0))
        };
        if !self.database.read("looking for messages", look).await? {
            return Ok(Vec::new());
        }
        self.write("receiving messages", move |connection| {
            let mut visible = connection.prepare_cached(VISIBLE)?;
            let found = visible.query_map(params![number(queue), now_ms, limit], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, u32>(2)?))
            })?;
            let found: Vec<(i64, String, u32)> = found.collect::<rusqlite::Result<_>>()?;
            let mut hide = connection.prepare_cached(HIDE)?;
            let mut messages = Vec::with_capacity(found.len());
            for (id, body, received) in found {
                let received = received.saturating_add(1);
                let receipt = format!("{id}-{received}");
                hide.execute(params![id, later(now_ms, hide_ms), received, receipt])?;
                messages.push(Message { receipt, body, received });
            }
            Ok(messages)
        })
        .await
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), PortError> {
        let receipt = receipt.to_string();
        self.write("acknowledging a message", move |connection| {
            let id = id_of(&receipt);
            let mut ack = connection.prepare_cached(ACK)?;
            ack.execute(params![id, number(queue), receipt]).map(|_| ())
        })
        .await
    }

    async fn retry_later(&self, queue: QueueName, receipt: &str, delay_ms: i64) -> Result<(), PortError> {
        let receipt = receipt.to_string();
        let visible_at_ms = later(self.clock.now_ms(), delay_ms);
        self.write("postponing a message", move |connection| {
            let id = id_of(&receipt);
            let mut retry = connection.prepare_cached(RETRY)?;
            retry.execute(params![id, number(queue), receipt, visible_at_ms]).map(|_| ())
        })
        .await
    }
}

fn later(now_ms: i64, delay_ms: i64) -> i64 {
    now_ms.saturating_add(delay_ms.max(0))
}

/// The message of a receipt; `None`, which equals no id, for what is not a receipt.
fn id_of(receipt: &str) -> Option<i64> {
    receipt.split('-').next()?.parse().ok()
}

fn number(queue: QueueName) -> i64 {
    match queue {
        QueueName::Notices => 0,
        QueueName::Plans => 1,
        QueueName::Batches => 2,
    }
}
