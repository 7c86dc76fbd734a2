//! Detect: notices of changed exports and finished runs become plan messages. Reads metadata only.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_aws::{Notice, SqsAnswer, SqsEvent, Stack, Trigger, Version, notice_of, run_function};
use driftless_core::config::Schedule;
use driftless_core::ports::QueueName;
use driftless_core::protocol::{detect, load_checkpoint};
use lambda_runtime::{Error, LambdaEvent};

/// How long a notice waits before it is looked at again after a failure.
const RETRY_MS: i64 = 15_000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_function(std::env::vars().collect(), Trigger::Queue, handle).await
}

async fn handle(stack: Arc<Stack>, event: LambdaEvent<SqsEvent>) -> Result<SqsAnswer, Error> {
    let version = stack.current().await?;
    let mut answer = SqsAnswer::default();
    let mut looked_at = BTreeSet::new();
    for record in &event.payload.records {
        let mut failed = false;
        for name in syncs_of(&stack, &version, &record.body) {
            // Several notices of one call are one look.
            if !looked_at.contains(name) {
                match look(&version, name).await {
                    Ok(()) => drop(looked_at.insert(name)),
                    Err(error) => {
                        tracing::warn!(sync = name, %error, "cannot look at the exports; tried again");
                        failed = true;
                    }
                }
            }
        }
        if failed {
            answer.later(&*stack.ports().queue, QueueName::Notices, record, RETRY_MS).await;
        }
    }
    Ok(answer)
}

/// The syncs that a message is about.
fn syncs_of<'a>(stack: &Stack, version: &'a Version, body: &str) -> Vec<&'a str> {
    let all = || version.syncs.iter();
    match notice_of(body) {
        Notice::Nothing => Vec::new(),
        Notice::Sync(name) => all().map(|(known, _)| known.as_str()).filter(|known| *known == name).collect(),
        Notice::Objects(objects) => {
            let (ours, foreign): (Vec<_>, Vec<_>) =
                objects.iter().partition(|object| object.bucket == stack.settings.exports_bucket);
            if !foreign.is_empty() {
                tracing::warn!(objects = foreign.len(), "notices of another bucket are not looked at");
            }
            let keys = || ours.iter().filter_map(|o| o.key.strip_prefix(&stack.settings.exports_prefix));
            all()
                .filter(|(_, (sync, _))| keys().any(|key| key.starts_with(&sync.config.source.prefix)))
                .map(|(name, _)| name.as_str())
                .collect()
        }
    }
}

async fn look(version: &Version, name: &str) -> Result<(), Error> {
    let Some((sync, ports)) = version.syncs.get(name) else { return Ok(()) };
    // A sync with a schedule is started by sweep; only what a bounded planning left goes on at once.
    if sync.config.schedule == Schedule::OnChange || load_checkpoint(ports, name).await?.cursor.is_some() {
        let detected = detect(ports, sync, false).await?;
        tracing::info!(sync = name, ?detected, "looked at the exports");
    }
    Ok(())
}
