use async_trait::async_trait;

use super::PortError;

/// The queues. Each message is a pointer; losing one costs time, never data: sweep sends it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// "Look at this sync."
    Notices,
    /// "Plan this sync."
    Plans,
    /// "Deliver this batch."
    Batches,
}

/// A received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Handle for [`Queue::ack`] and [`Queue::retry_later`].
    pub receipt: String,
    /// JSON.
    pub body: String,
    /// How often it was received, this time included.
    pub received: u32,
}

/// At-least-once, unordered delivery of small messages.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends; the message becomes visible after `delay_ms`.
    async fn send(&self, queue: QueueName, bodies: Vec<String>, delay_ms: i64) -> Result<(), PortError>;

    /// Receives up to `limit` visible messages and hides them for `hide_ms`.
    async fn receive(&self, queue: QueueName, limit: usize, hide_ms: i64) -> Result<Vec<Message>, PortError>;

    /// Done with a message.
    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), PortError>;

    /// Makes a message visible again after `delay_ms`.
    async fn retry_later(&self, queue: QueueName, receipt: &str, delay_ms: i64) -> Result<(), PortError>;
}
