use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::model::{RowKey, RowState};
use driftless_core::ports::{Blobs, Item, Message, PortError, Put, Queue, QueueName, RowStates, Table};

use super::{Fault, World};
use crate::memory::{MemoryBlobs, MemoryQueue, MemoryRowStates, MemoryTable};

/// A write: refused, applied, or applied without an answer.
macro_rules! write {
    ($self:ident, $refusal:expr, $what:expr, $call:expr) => {{
        $self.world.point().await;
        if $self.world.strikes($refusal) {
            return Err(PortError::retry($what, "throttled"));
        }
        let result = $call;
        $self.world.point().await;
        if $self.world.strikes(Fault::AnswerLost) {
            return Err(PortError::retry($what, "the answer was lost"));
        }
        result
    }};
}

/// A read: refused or answered.
macro_rules! read {
    ($self:ident, $refusal:expr, $what:expr, $call:expr) => {{
        $self.world.point().await;
        if $self.world.strikes($refusal) {
            return Err(PortError::retry($what, "throttled"));
        }
        $call
    }};
}

/// The table, with faults F10-F12, F15, F16.
pub struct SimTable {
    /// The truth.
    pub inner: MemoryTable,
    /// The world.
    pub world: World,
}

#[async_trait]
impl Table for SimTable {
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError> {
        read!(self, Fault::Throttle, "table get", self.inner.get(partition, sort).await)
    }

    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError> {
        write!(self, Fault::Throttle, "table put", self.inner.put(partition, sort, expected, token, body).await)
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        write!(self, Fault::Throttle, "table put", self.inner.put_fact(partition, sort, body).await)
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError> {
        read!(self, Fault::Throttle, "table list", self.inner.list(partition, after, limit).await)
    }

    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        write!(self, Fault::Throttle, "table delete", self.inner.delete(partition, sort).await)
    }

    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError> {
        write!(self, Fault::Throttle, "table add", self.inner.add_member(partition, sort, member).await)
    }
}

/// The state bucket, with F10-F12, F16, F21.
pub struct SimBlobs {
    /// The truth.
    pub inner: MemoryBlobs,
    /// The world.
    pub world: World,
}

#[async_trait]
impl Blobs for SimBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError> {
        write!(self, Fault::StoreBusy, "blob put", self.inner.put(key, bytes).await)
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        read!(self, Fault::StoreBusy, "blob get", self.inner.get(key).await)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, PortError> {
        read!(self, Fault::StoreBusy, "blob list", self.inner.list(prefix, after, limit).await)
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        write!(self, Fault::StoreBusy, "blob delete", self.inner.delete(key).await)
    }
}

/// The insert_id items, with F10-F12, F15, F16, F18.
pub struct SimRowStates {
    /// The truth.
    pub inner: MemoryRowStates,
    /// The world.
    pub world: World,
}

#[async_trait]
impl RowStates for SimRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        read!(self, Fault::Throttle, "row states get", self.inner.get(sync, keys).await)
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        if self.world.strikes(Fault::WriteHalf) {
            self.inner.put(sync, &states[..states.len() / 2]).await?;
            return Err(PortError::retry("row states put", "unprocessed items"));
        }
        write!(self, Fault::Throttle, "row states put", self.inner.put(sync, states).await)
    }

    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError> {
        write!(self, Fault::Throttle, "row states expire", self.inner.expire(sync, now_ms, limit).await)
    }
}

/// The queues, with F1-F10, F16.
pub struct SimQueue {
    /// The truth.
    pub inner: MemoryQueue,
    /// The world.
    pub world: World,
}

/// How late a message may be (F3).
const LATE_MS: u64 = 200_000;
/// How late a message may come back (F9): a day and more.
const REDRIVEN_MS: i64 = 86_400_000;

#[async_trait]
impl Queue for SimQueue {
    async fn send(&self, queue: QueueName, bodies: Vec<String>, delay_ms: i64) -> Result<(), PortError> {
        self.world.point().await;
        let partly = self.world.strikes(Fault::SendPartly).then(|| self.world.draw(bodies.len() as u64 + 1) as usize);
        for body in bodies.into_iter().take(partly.unwrap_or(usize::MAX)) {
            if self.world.strikes(Fault::MessageLost)
                || (queue == QueueName::Notices && self.world.strikes(Fault::NoticeLost))
            {
                continue;
            }
            let late_ms = if self.world.strikes(Fault::MessageLate) { self.world.draw(LATE_MS) as i64 } else { 0 };
            let copies = 1 + usize::from(self.world.strikes(Fault::MessageTwice));
            if self.world.strikes(Fault::MessageRedriven) {
                self.inner.send(queue, vec![body.clone()], REDRIVEN_MS).await?;
            }
            self.inner.send(queue, vec![body; copies], delay_ms + late_ms).await?;
        }
        self.world.point().await;
        if partly.is_some() || self.world.strikes(Fault::AnswerLost) {
            return Err(PortError::retry("queue send", "not every message was taken"));
        }
        Ok(())
    }

    async fn receive(&self, queue: QueueName, limit: usize, hide_ms: i64) -> Result<Vec<Message>, PortError> {
        read!(self, Fault::Throttle, "queue receive", self.inner.receive(queue, limit, hide_ms).await)
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), PortError> {
        self.world.point().await;
        if self.world.strikes(Fault::AckLost) {
            return Ok(());
        }
        self.inner.ack(queue, receipt).await
    }

    async fn retry_later(&self, queue: QueueName, receipt: &str, delay_ms: i64) -> Result<(), PortError> {
        write!(self, Fault::Throttle, "queue retry", self.inner.retry_later(queue, receipt, delay_ms).await)
    }
}
