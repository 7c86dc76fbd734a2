//! Sweep: starts scheduled syncs, finds what notices missed, sends stuck work again, finishes, cleans up.

use std::sync::Arc;

use driftless_aws::{Stack, Trigger, run_function};
use driftless_core::protocol::{is_due, sweep};
use lambda_runtime::{Error, LambdaEvent};
use serde::Serialize;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_function(std::env::vars().collect(), Trigger::Other, handle).await
}

/// What a sweep came to.
#[derive(Serialize)]
struct Answer {
    syncs: usize,
    failed: usize,
}

/// The event does not matter: whoever calls wants everything looked at.
async fn handle(stack: Arc<Stack>, _event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let version = stack.current().await?;
    let mut answer = Answer { syncs: version.syncs.len(), failed: 0 };
    for (name, (sync, ports)) in &version.syncs {
        let swept = match is_due(ports, sync).await {
            Ok(starts) => sweep(ports, sync, starts).await,
            Err(error) => Err(error),
        };
        match swept {
            Ok(swept) => tracing::info!(sync = name, ?swept, "swept"),
            Err(error) => {
                // The others are swept all the same, and this one again at the next tick.
                answer.failed += 1;
                tracing::error!(sync = name, %error, "cannot sweep");
            }
        }
    }
    Ok(answer)
}
