use driftless_core::ports::{Queue, QueueName};
use serde::{Deserialize, Serialize};

/// Messages as Lambda hands them over.
#[derive(Clone, Debug, Deserialize)]
pub struct SqsEvent {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<SqsRecord>,
}

/// One message.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// Names the message in the answer.
    pub message_id: String,
    /// Handle to postpone it by.
    pub receipt_handle: String,
    /// Body.
    pub body: String,
    /// What SQS knows of it.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// What SQS knows of a message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SqsAttributes {
    /// How often it was received, this time included.
    pub approximate_receive_count: String,
}

/// Which messages are to come again. Without this exact shape Lambda would take a failure for a success
/// (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, 2026-11).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsAnswer {
    /// Messages that were not dealt with.
    pub batch_item_failures: Vec<SqsFailure>,
}

/// A message that was not dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsFailure {
    /// Its id.
    pub item_identifier: String,
}

impl SqsAnswer {
    /// Lets a message come again after a while, instead of after the queue's own long time-out. If that cannot be said,
    /// it comes again after the time-out.
    pub async fn later(&mut self, queue: &dyn Queue, name: QueueName, record: &SqsRecord, wait_ms: i64) {
        self.batch_item_failures.push(SqsFailure { item_identifier: record.message_id.clone() });
        if let Err(error) = queue.retry_later(name, &record.receipt_handle, wait_ms).await {
            tracing::warn!(%error, "a message comes again only after the queue's time-out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_shapes_that_lambda_has() {
        let event: SqsEvent = serde_json::from_str(
            r#"{"Records":[{"messageId":"m","receiptHandle":"r","body":"b","attributes":{"ApproximateReceiveCount":"2"},"eventSource":"aws:sqs"}]}"#,
        )
        .unwrap();
        assert_eq!(event.records[0].attributes.approximate_receive_count, "2");
        let failures = vec![SqsFailure { item_identifier: "m".to_string() }];
        let answer = serde_json::to_string(&SqsAnswer { batch_item_failures: failures }).unwrap();
        assert_eq!(answer, r#"{"batchItemFailures":[{"itemIdentifier":"m"}]}"#);
    }
}
