//! Lambda's own poller of a queue: hands messages over, and deletes those that were dealt with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::lambda::{Invoked, Lambda};

/// Hands the messages of a queue to a function, `pollers` calls at once, until the task is dropped.
pub struct EventSource {
    /// The queue's URL.
    pub url: String,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The function.
    pub lambda: Arc<Lambda>,
    /// Most messages of one call.
    pub batch_size: i32,
    /// While set, no message is taken.
    pub paused: Arc<AtomicBool>,
}

impl EventSource {
    /// Starts polling.
    pub fn start(self) -> Vec<JoinHandle<()>> {
        let source = Arc::new(self);
        (0..source.lambda.function.concurrency)
            .map(|_| {
                let source = source.clone();
                tokio::spawn(async move {
                    loop {
                        source.poll().await;
                    }
                })
            })
            .collect()
    }

    async fn poll(&self) {
        if self.paused.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            return;
        }
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(self.batch_size)
            .wait_time_seconds(0)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        let messages = match received {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                return;
            }
        };
        if messages.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            return;
        }
        let records: Vec<Value> = messages.iter().map(record).collect();
        let invoked = self.lambda.invoke(&json!({ "Records": records })).await;
        for message in dealt_with(&messages, &invoked) {
            let receipt = message.receipt_handle.clone().unwrap_or_default();
            // A message that is not deleted comes again.
            let _ = self.sqs.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        }
    }
}

fn record(message: &Message) -> Value {
    let attributes: serde_json::Map<String, Value> = message
        .attributes
        .iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_string(), Value::String(value.clone())))
        .collect();
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "awsRegion": "us-east-1",
    })
}

/// What Lambda takes for success (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, 2026-11): all
/// but the failures that are named; nothing if an unknown message is named or the function failed.
fn dealt_with<'a>(messages: &'a [Message], invoked: &Invoked) -> Vec<&'a Message> {
    let Invoked::Answer(answer) = invoked else { return Vec::new() };
    let failures = answer.get("batchItemFailures").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut failed = Vec::new();
    for failure in &failures {
        let id = failure.get("itemIdentifier").and_then(Value::as_str).unwrap_or_default();
        if !messages.iter().any(|message| message.message_id.as_deref() == Some(id)) {
            return Vec::new();
        }
        failed.push(id.to_string());
    }
    let is_done = |message: &&Message| !failed.iter().any(|id| message.message_id.as_deref() == Some(id));
    messages.iter().filter(is_done).collect()
}
