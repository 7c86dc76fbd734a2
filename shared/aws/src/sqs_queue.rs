use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeName, SendMessageBatchRequestEntry};
use driftless_core::ports::{Message, PortError, Queue, QueueName};

use crate::failure::{is_code, port_error};
use crate::settings::QueueUrls;

/// Entries of one SendMessageBatch, and messages of one ReceiveMessage
/// (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html, 2026-11).
const ENTRIES_MAX: usize = 10;
/// Longest delay of a message in seconds (same).
const DELAY_MAX_S: i32 = 900;
/// Longest time that a message is hidden in seconds (same).
const HIDDEN_MAX_S: i32 = 12 * 3_600;
/// How often the entries of a batch that failed on the side of SQS are sent again.
const SEND_ATTEMPTS_MAX: usize = 5;

/// The three SQS queues. They count whole seconds: times are rounded up.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    urls: QueueUrls,
}

impl SqsQueue {
    /// The queues of these URLs.
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    async fn send_some(&self, queue: QueueName, bodies: &[String], delay_s: i32) -> Result<(), PortError> {
        let what = format!("sending to {queue:?}");
        let mut open: Vec<usize> = (0..bodies.len()).collect();
        let mut cause = String::new();
        for _ in 0..SEND_ATTEMPTS_MAX {
            let mut batch = self.client.send_message_batch().queue_url(self.urls.of(queue));
            for n in &open {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .message_body(&bodies[*n])
                    .delay_seconds(delay_s)
                    .build()
                    .map_err(|error| PortError::halt(&what, error, "Report this as a defect"))?;
                batch = batch.entries(entry);
            }
            let answer = batch.send().await.map_err(|error| port_error(&what, error))?;
            // The answer is 200 even if entries failed.
            open.clear();
            for failed in answer.failed {
                if failed.sender_fault {
                    return Err(PortError::halt(&what, failed.code, "Report this as a defect"));
                }
                open.extend(failed.id.parse::<usize>());
                cause = failed.code;
            }
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(PortError::retry(what, cause))
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, queue: QueueName, bodies: Vec<String>, delay_ms: i64) -> Result<(), PortError> {
        let delay_s = seconds(delay_ms, DELAY_MAX_S);
        for bodies in bodies.chunks(ENTRIES_MAX) {
            self.send_some(queue, bodies, delay_s).await?;
        }
        Ok(())
    }

    async fn receive(&self, queue: QueueName, limit: usize, hide_ms: i64) -> Result<Vec<Message>, PortError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(self.urls.of(queue))
            .max_number_of_messages(i32::try_from(limit.clamp(1, ENTRIES_MAX)).unwrap_or(1))
            .visibility_timeout(seconds(hide_ms, HIDDEN_MAX_S))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| port_error(format!("receiving from {queue:?}"), error))?;
        let messages = answer.messages.unwrap_or_default().into_iter().map(|message| Message {
            received: message
                .attributes
                .as_ref()
                .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount))
                .and_then(|count| count.parse().ok())
                .unwrap_or(1),
            receipt: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        });
        Ok(messages.collect())
    }

    async fn ack(&self, queue: QueueName, receipt: &str) -> Result<(), PortError> {
        let done = self.client.delete_message().queue_url(self.urls.of(queue)).receipt_handle(receipt).send().await;
        match done {
            Ok(_) => Ok(()),
            // An old receipt: the message is gone or has another one.
            Err(error) if is_code(&error, STALE) => Ok(()),
            Err(error) => Err(port_error(format!("deleting from {queue:?}"), error)),
        }
    }

    async fn retry_later(&self, queue: QueueName, receipt: &str, delay_ms: i64) -> Result<(), PortError> {
        let changed = self
            .client
            .change_message_visibility()
            .queue_url(self.urls.of(queue))
            .receipt_handle(receipt)
            .visibility_timeout(seconds(delay_ms, HIDDEN_MAX_S))
            .send()
            .await;
        match changed {
            Ok(_) => Ok(()),
            Err(error) if is_code(&error, STALE) => Ok(()),
            Err(error) => Err(port_error(format!("postponing in {queue:?}"), error)),
        }
    }
}

const STALE: &[&str] = &[
    "ReceiptHandleIsInvalid",
    "InvalidParameterValue",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
];

fn seconds(ms: i64, max_s: i32) -> i32 {
    let rounded_up = ms.max(0).saturating_add(999) / 1_000;
    i32::try_from(rounded_up).unwrap_or(max_s).min(max_s)
}
