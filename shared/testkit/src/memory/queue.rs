use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use driftless_core::ports::{Clock, Message, PortError, Queue, QueueName};

use super::locked::locked;

/// Messages in a map. They come in the order in which they became visible, then in that of sending. A receipt is good
/// until its message is received again, as in SQS; an older one does nothing.
#[derive(Clone)]
pub struct MemoryQueue {
    inside: Arc<Mutex<Inside>>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Inside {
    messages: BTreeMap<(QueueName, u64), Stored>,
    sent: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    body: String,
    visible_at_ms: i64,
    received: u32,
    in_flight: bool,
}

impl MemoryQueue {
    /// Empty queues that tell time by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { inside: Arc::default(), clock }
    }

    /// Bodies of all messages of a queue, hidden ones too, in the order of sending.
    pub fn bodies(&self, queue: QueueName) -> Vec<String> {
        let inside = locked(&self.inside);
        let messages = inside.messages.iter().filter(|((of, _), _)| *of == queue);
        messages.map(|(_, stored)| stored.body.clone()).collect()
    }

    /// When the next message of a queue becomes visible; in the past if one is visible now.
    pub fn next_visible_ms(&self, queue: QueueName) -> Option<i64> {
        let inside = locked(&self.inside);
        let messages = inside.messages.iter().filter(|((of, _), _)| *of == queue);
        messages.map(|(_, stored)| stored.visible_at_ms).min()
    }

    /// Loses all messages of a queue.
    pub fn purge(&self, queue: QueueName) {
        locked(&self.inside).messages.retain(|(of, _), _| *of != queue);
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, queue: QueueName, bodies: Vec<String>, delay_ms: i64) -> Result<(), PortError> {
        let visible_at_ms = later(self.clock.now_ms(), delay_ms);
        let mut inside = locked(&self.inside);
        for body in bodies {
            inside.sent += 1;
            let place = (queue, inside.sent);
            let stored = Stored { body, visible_at_ms, received: 0, in_flight: false };
            inside.messages.insert(place, stored);
        }
        Ok(())
    }

    async fn receive(&self, queue: QueueName, limit: usize, hide_ms: i64) -> Result<Vec<Message>, PortError> {
        let now_ms = self.clock.now_ms();
        let mut inside = locked(&self.inside);
        let mut visible: Vec<_> = inside
            .messages
            .iter_mut()
            .filter(|((of, _), stored)| *of == queue && stored.visible_at_ms <= now_ms)
            .collect();
        visible.sort_by_key(|((_, id), stored)| (stored.visible_at_ms, *id));
        let received = visible.into_iter().take(limit).map(|((_, id), stored)| {
            stored.received += 1;
            stored.visible_at_ms = later(now_ms, hide_ms);
            stored.in_flight = true;
            Message {
                receipt: format!("{id}-{}", stored.received),
                body: stored.body.clone(),
                received: stored.received,
            }
        });
        Ok(received.collect())
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), PortError> {
        let mut inside = locked(&self.inside);
        if let Some(place) = inside.in_flight(queue, receipt) {
            inside.messages.remove(&place);
        }
        Ok(())
    }

    async fn retry_later(&self, queue: QueueName, receipt: &str, delay_ms: i64) -> Result<(), PortError> {
        let visible_at_ms = later(self.clock.now_ms(), delay_ms);
        let mut inside = locked(&self.inside);
        if let Some(place) = inside.in_flight(queue, receipt)
            && let Some(stored) = inside.messages.get_mut(&place)
        {
            stored.visible_at_ms = visible_at_ms;
            stored.in_flight = false;
        }
        Ok(())
    }
}

impl Inside {
    /// The message that was received last with this receipt.
    fn in_flight(&self, queue: QueueName, receipt: &str) -> Option<(QueueName, u64)> {
        let (id, received) = receipt.split_once('-')?;
        let place = (queue, id.parse().ok()?);
        let received: u32 = received.parse().ok()?;
        let stored = self.messages.get(&place)?;
        (stored.in_flight && stored.received == received).then_some(place)
    }
}

fn later(now_ms: i64, delay_ms: i64) -> i64 {
    now_ms.saturating_add(delay_ms.max(0))
}
