//! Deliver: sends a staged batch, reads the answer row by row, settles it; the last one finishes the run.

use std::sync::Arc;

use driftless_aws::{SqsAnswer, SqsEvent, SqsRecord, Stack, Trigger, run_function};
use driftless_core::model::BatchRef;
use driftless_core::ports::QueueName;
use driftless_core::protocol::{Delivered, ProtocolError, deliver};
use lambda_runtime::{Error, LambdaEvent};

/// How long a batch waits before it is tried again after a passing failure.
const RETRY_MS: i64 = 15_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_function(std::env::vars().collect(), Trigger::Queue, handle).await
}

async fn handle(stack: Arc<Stack>, event: LambdaEvent<SqsEvent>) -> Result<SqsAnswer, Error> {
    let mut answer = SqsAnswer::default();
    for record in &event.payload.records {
        let wait_ms = match deliver_one(&stack, record).await {
            Ok(wait_ms) => wait_ms,
            Err(error) => {
                tracing::warn!(%error, "delivery failed; tried again");
                Some(RETRY_MS)
            }
        };
        if let Some(wait_ms) = wait_ms {
            answer.later(&*stack.ports().queue, QueueName::Batches, record, wait_ms).await;
        }
    }
    Ok(answer)
}

/// Returns how long the batch has to wait, if it has to.
async fn deliver_one(stack: &Stack, record: &SqsRecord) -> Result<Option<i64>, Error> {
    let Ok(batch) = serde_json::from_str::<BatchRef>(&record.body) else {
        tracing::error!("a message of the batches queue is not one of driftless; it is dropped");
        return Ok(None);
    };
    // Under the configuration that the run was planned under, whatever was published since.
    let version = stack.version(&batch.config).await?;
    let Some((sync, ports)) = version.syncs.get(&batch.sync) else {
        tracing::error!(sync = batch.sync, config = batch.config, "the batch's configuration has no such sync");
        return Ok(None);
    };
    let (run, number) = (batch.run.0, batch.batch);
    match deliver(ports, sync, &batch).await {
        Ok(Delivered::Settled | Delivered::Stale | Delivered::WaitsForPerson(_)) => Ok(None),
        Ok(Delivered::Later { wait_ms } | Delivered::Held { wait_ms }) => Ok(Some(wait_ms)),
        Ok(Delivered::Halted(reason)) | Err(ProtocolError::Halt(reason)) => {
            tracing::error!(sync = batch.sync, run, batch = number, reason, "the sync is stopped");
            Ok(None)
        }
        Err(error @ ProtocolError::Retry(_)) => Err(error.into()),
    }
}
