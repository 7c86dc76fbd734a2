//! Plan: reads pinned exports, works out what changed, stages it as batches.

use std::sync::Arc;

use driftless_aws::{SqsAnswer, SqsEvent, SqsRecord, Stack, Trigger, run_function};
use driftless_core::ports::QueueName;
use driftless_core::protocol::{PlanMessage, ProtocolError, plan};
use lambda_runtime::{Error, LambdaEvent};

/// How long a plan waits before it is tried again after a passing failure.
const RETRY_MS: i64 = 30_000;

/// Time that is left for finishing the run that was begun, before the function's own time is over.
const MARGIN_MS: i64 = 120_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_function(std::env::vars().collect(), Trigger::Queue, handle).await
}

async fn handle(stack: Arc<Stack>, event: LambdaEvent<SqsEvent>) -> Result<SqsAnswer, Error> {
    let until_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX) - MARGIN_MS;
    let mut answer = SqsAnswer::default();
    for record in &event.payload.records {
        if let Err(error) = plan_one(&stack, record, until_ms).await {
            tracing::warn!(%error, "planning failed; tried again");
            answer.later(&*stack.ports().queue, QueueName::Plans, record, RETRY_MS).await;
        }
    }
    Ok(answer)
}

async fn plan_one(stack: &Stack, record: &SqsRecord, until_ms: i64) -> Result<(), Error> {
    let Ok(message) = serde_json::from_str::<PlanMessage>(&record.body) else {
        tracing::error!("a message of the plans queue is not one of driftless; it is dropped");
        return Ok(());
    };
    let version = stack.current().await?;
    let Some((sync, ports)) = version.syncs.get(&message.sync) else {
        tracing::warn!(sync = message.sync, "the sync is no longer configured");
        return Ok(());
    };
    match plan(ports, sync, &message, until_ms).await {
        Ok(planned) => tracing::info!(sync = message.sync, runs = planned.runs.len(), stale = planned.stale, "planned"),
        // The sync is stopped, and says why.
        Err(ProtocolError::Halt(reason)) => tracing::error!(sync = message.sync, reason, "the sync is stopped"),
        Err(error @ ProtocolError::Retry(_)) => return Err(error.into()),
    }
    Ok(())
}
