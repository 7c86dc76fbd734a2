use std::collections::BTreeSet;
use std::sync::Arc;

use super::batches;
use super::deliver::Claim;
use super::detect::send_plan;
use super::error::ProtocolError;
use super::finish::claims_of;
use super::limits::{CLOCK_SKEW_MS, PAGE};
use super::store::load_checkpoint;
use super::{Detected, Sync, detect, finish, names};
use crate::model::{Checkpoint, Phase, RunPhase};
use crate::ports::{PortError, Ports};

/// Expired row states deleted in one sweep.
const EXPIRED_PER_SWEEP: usize = 10_000;

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// What detect said.
    pub detected: Detected,
    /// Batches that were sent again.
    pub resent: u32,
    /// Runs that still have unsettled batches.
    pub delivering: u32,
}

/// Brings one sync forward without any notice or queued message: finishes finished runs, sends stuck batches and plans
/// again, detects what notices missed, cleans up. Everything it does is safe to do twice and at the same time.
///
/// Without `starts` nothing new begins; a planning that ended with work left, or died, goes on in any case.
pub async fn sweep(ports: &Ports, sync: &Arc<Sync>, starts: bool) -> Result<Swept, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let mut resent = 0;
    let mut delivering = 0;
    for run in checkpoint.runs.iter().filter(|run| run.phase == RunPhase::Delivering) {
        if finish(ports, sync, run.run).await? {
            continue;
        }
        delivering += 1;
        let claims = claims_of(ports, sync.name(), run.run).await?;
        let now_ms = ports.clock.now_ms();
        let is_busy = |claim: &Claim| {
            claim.settled.is_some()
                || (now_ms <= claim.lease_until_ms + CLOCK_SKEW_MS && !ports.liveness.is_dead(&claim.owner))
        };
        let busy: BTreeSet<u32> = claims.iter().filter(|(_, claim)| is_busy(claim)).map(|(batch, _)| *batch).collect();
        let stuck: Vec<u32> = (0..run.batches).filter(|batch| !busy.contains(batch)).collect();
        resent += u32::try_from(stuck.len()).unwrap_or(u32::MAX);
        batches::send(ports, sync.name(), run, stuck).await?;
    }
    // A plan message may have been lost; a second copy is stale or does the work.
    if let Phase::Planning { started: false, .. } = checkpoint.phase {
        send_plan(ports, sync.name(), checkpoint.attempt).await?;
    }
    let goes_on = checkpoint.cursor.is_some() || matches!(checkpoint.phase, Phase::Planning { .. });
    let detected = if starts || goes_on { detect(ports, sync, false).await? } else { Detected::Nothing };
    clean_up(ports, sync, &checkpoint).await?;
    super::requests::forget_old(ports, sync).await?;
    Ok(Swept { detected, resent, delivering })
}

/// Deletes staged batches and ledger parts that nothing names any more, and row states whose window is over.
async fn clean_up(ports: &Ports, sync: &Sync, seen: &Checkpoint) -> Result<(), PortError> {
    if sync.config.dedupe_days().is_some() {
        ports.row_states.expire(sync.name(), ports.clock.now_ms(), EXPIRED_PER_SWEEP).await?;
    }
    // Only while nothing is planned: a planner's batches are not in the checkpoint yet.
    if seen.phase != Phase::Idle {
        return Ok(());
    }
    let mut blobs = ports.blobs.list(&format!("staged/{}/", sync.name()), None, PAGE).await?;
    let parts = ports.blobs.list(&format!("ledger/{}/", sync.name()), None, PAGE).await?;
    if parts.len() > seen.ledger.len() {
        blobs.extend(parts);
    }
    if blobs.is_empty() {
        return Ok(());
    }
    let current = load_checkpoint(ports, sync.name()).await?;
    if current.phase != Phase::Idle || current.attempt != seen.attempt {
        return Ok(());
    }
    let mut live: Vec<String> =
        current.runs.iter().map(|run| names::staged_prefix(sync.name(), run.run, run.attempt)).collect();
    live.extend(current.runs.iter().map(|run| names::ledger_part(sync.name(), run.run, run.attempt, "")));
    live.extend(current.ledger.iter().map(|part| part.blob.clone()));
    for blob in blobs {
        if !live.iter().any(|prefix| blob.starts_with(prefix)) {
            ports.blobs.delete(&blob).await?;
        }
    }
    Ok(())
}
