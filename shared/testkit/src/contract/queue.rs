#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use driftless_core::ports::{Clock, Message, Queue, QueueName};
use futures::future::join_all;

/// Hides a message for longer than a check takes, also at a queue that answers slowly.
const LONG_MS: i64 = 600_000;

/// Hides a message for a time that a check waits out. SQS counts whole seconds.
const SHORT_MS: i64 = 2_000;

/// Pause after an empty answer, and how often it is tried: SQS asks only some of its servers.
const PAUSE_MS: i64 = 200;
const ATTEMPTS: usize = 20;

/// The suite of [`Queue`]. `clock` is the one that the queue tells time by: a manual one makes waiting free.
pub async fn queue_contract(queue: &dyn Queue, clock: &dyn Clock) {
    let check = Check { queue, clock };
    check.an_empty_queue_gives_nothing().await;
    check.what_was_sent_is_received_once_while_hidden().await;
    check.at_most_the_limit_is_received().await;
    check.a_message_comes_again_when_its_time_is_over().await;
    check.an_acknowledged_message_never_comes_again().await;
    check.an_acknowledgement_may_come_twice().await;
    check.a_delayed_message_comes_later().await;
    check.a_postponed_message_comes_later().await;
    check.a_message_postponed_by_nothing_comes_at_once().await;
    check.queues_are_independent().await;
    check.concurrent_receivers_share_the_messages().await;
}

struct Check<'a> {
    queue: &'a dyn Queue,
    clock: &'a dyn Clock,
}

impl Check<'_> {
    async fn an_empty_queue_gives_nothing(&self) {
        assert!(self.queue.receive(QueueName::Plans, 10, LONG_MS).await.unwrap().is_empty());
    }

    async fn what_was_sent_is_received_once_while_hidden(&self) {
        let bodies = [r#"{"a":"ü"}"#, "{}", "{}"];
        self.send(&bodies, 0).await;
        let messages = self.receive(3, LONG_MS).await;
        let mut received: Vec<_> = messages.iter().map(|message| message.body.as_str()).collect();
        received.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(received, ["{}", "{}", r#"{"a":"ü"}"#]);
        assert!(messages.iter().all(|message| message.received == 1));
        self.nothing_comes("received messages are hidden").await;
        self.ack(&messages).await;
    }

    async fn at_most_the_limit_is_received(&self) {
        self.send(&["1", "2", "3", "4", "5"], 0).await;
        let first = self.queue.receive(QueueName::Batches, 2, LONG_MS).await.unwrap();
        assert!(first.len() <= 2, "limit 2, received {}", first.len());
        let rest = self.receive(5 - first.len(), LONG_MS).await;
        self.ack(&first).await;
        self.ack(&rest).await;
    }

    async fn a_message_comes_again_when_its_time_is_over(&self) {
        self.send(&["again"], 0).await;
        let first = self.receive(1, SHORT_MS).await;
        self.clock.sleep_ms(SHORT_MS + PAUSE_MS).await;
        let second = self.receive(1, LONG_MS).await;
        assert_eq!((second[0].body.as_str(), second[0].received), ("again", 2));
        self.ack(&second).await;
        // The message is gone; an old receipt does nothing then, and fails nothing.
        self.ack(&first).await;
    }

    async fn an_acknowledged_message_never_comes_again(&self) {
        self.send(&["done"], 0).await;
        let messages = self.receive(1, SHORT_MS).await;
        self.ack(&messages).await;
        self.clock.sleep_ms(SHORT_MS + PAUSE_MS).await;
        self.nothing_comes("it was acknowledged").await;
    }

    async fn an_acknowledgement_may_come_twice(&self) {
        self.send(&["twice"], 0).await;
        let messages = self.receive(1, LONG_MS).await;
        self.ack(&messages).await;
        self.ack(&messages).await;
    }

    async fn a_delayed_message_comes_later(&self) {
        self.send(&["delayed"], SHORT_MS).await;
        let early = self.queue.receive(QueueName::Batches, 10, LONG_MS).await.unwrap();
        assert!(early.is_empty(), "it is delayed");
        self.clock.sleep_ms(SHORT_MS).await;
        let messages = self.receive(1, LONG_MS).await;
        assert_eq!(messages[0].received, 1);
        self.ack(&messages).await;
    }

    async fn a_postponed_message_comes_later(&self) {
        self.send(&["postponed"], 0).await;
        let messages = self.receive(1, LONG_MS).await;
        self.retry_later(&messages[0], SHORT_MS).await;
        let early = self.queue.receive(QueueName::Batches, 10, LONG_MS).await.unwrap();
        assert!(early.is_empty(), "it is postponed");
        self.clock.sleep_ms(SHORT_MS).await;
        let messages = self.receive(1, LONG_MS).await;
        assert_eq!((messages[0].body.as_str(), messages[0].received), ("postponed", 2));
        self.ack(&messages).await;
    }

    async fn a_message_postponed_by_nothing_comes_at_once(&self) {
        self.send(&["now"], 0).await;
        let messages = self.receive(1, LONG_MS).await;
        self.retry_later(&messages[0], 0).await;
        let messages = self.receive(1, LONG_MS).await;
        assert_eq!(messages[0].received, 2);
        self.ack(&messages).await;
    }

    async fn queues_are_independent(&self) {
        self.send(&["batch"], 0).await;
        for other in [QueueName::Notices, QueueName::Plans] {
            let messages = self.queue.receive(other, 10, LONG_MS).await.unwrap();
            assert!(messages.is_empty(), "{other:?} is another queue");
        }
        let messages = self.receive(1, LONG_MS).await;
        self.ack(&messages).await;
    }

    async fn concurrent_receivers_share_the_messages(&self) {
        let bodies: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let sent: Vec<&str> = bodies.iter().map(String::as_str).collect();
        // SQS takes ten in one request: the port splits what is more.
        self.send(&sent, 0).await;
        let receivers = (0..8).map(|_| self.queue.receive(QueueName::Batches, 5, LONG_MS));
        let mut messages: Vec<_> = join_all(receivers).await.into_iter().flat_map(Result::unwrap).collect();
        messages.extend(self.receive(40 - messages.len(), LONG_MS).await);
        let mut received: Vec<u32> = messages.iter().map(|message| message.body.parse().unwrap()).collect();
        received.sort_unstable();
        assert_eq!(received, (0..40).collect::<Vec<_>>(), "each message has one receiver");
        self.ack(&messages).await;
    }

    async fn send(&self, bodies: &[&str], delay_ms: i64) {
        let bodies = bodies.iter().map(|body| (*body).to_string()).collect();
        self.queue.send(QueueName::Batches, bodies, delay_ms).await.unwrap();
    }

    /// Receives exactly `count` messages, in as many answers as it takes.
    async fn receive(&self, count: usize, hide_ms: i64) -> Vec<Message> {
        let mut messages = Vec::new();
        for _ in 0..ATTEMPTS {
            if messages.len() == count {
                return messages;
            }
            let limit = count - messages.len();
            let received = self.queue.receive(QueueName::Batches, limit, hide_ms).await.unwrap();
            if received.is_empty() {
                self.clock.sleep_ms(PAUSE_MS).await;
            }
            messages.extend(received);
        }
        assert_eq!(messages.len(), count, "messages received");
        messages
    }

    async fn nothing_comes(&self, because: &str) {
        let messages = self.queue.receive(QueueName::Batches, 10, LONG_MS).await.unwrap();
        assert!(messages.is_empty(), "{because}, but {messages:?} came");
    }

    async fn ack(&self, messages: &[Message]) {
        for message in messages {
            self.queue.ack(QueueName::Batches, &message.receipt).await.unwrap();
        }
    }

    async fn retry_later(&self, message: &Message, delay_ms: i64) {
        let queue = QueueName::Batches;
        self.queue.retry_later(queue, &message.receipt, delay_ms).await.unwrap();
    }
}
