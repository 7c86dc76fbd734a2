use super::store::{change_run, update_checkpoint};
use super::{Sync, batches, finish};
use crate::model::{Phase, RunId, RunPhase, RunStatus};
use crate::ports::Ports;
use crate::protocol::ProtocolError;

/// A person lets a held run go. Returns whether it was held.
pub async fn approve(ports: &Ports, sync: &Sync, run: RunId) -> Result<bool, ProtocolError> {
    let now_ms = ports.clock.now_ms();
    let approved = update_checkpoint(ports, sync.name(), |current| {
        let open = current.runs.iter_mut().find(|open| open.run == run && open.phase == RunPhase::Held)?;
        open.phase = RunPhase::Delivering;
        open.approved_at_ms = Some(now_ms);
        Some(open.clone())
    })
    .await?;
    let Some(open) = approved else { return Ok(false) };
    set_status(ports, sync, run, RunStatus::Delivering).await?;
    batches::send(ports, sync.name(), &open, 0..open.batches).await?;
    if open.batches == 0 {
        finish(ports, sync, run).await?;
    }
    Ok(true)
}

/// A person drops a held run. Its exports count as dealt with: a snapshot is planned again when it changes, a feed's
/// exports are passed over. Returns whether it was held.
pub async fn reject(ports: &Ports, sync: &Sync, run: RunId) -> Result<bool, ProtocolError> {
    let rejected = update_checkpoint(ports, sync.name(), |current| {
        let position = current.runs.iter().position(|open| open.run == run && open.phase == RunPhase::Held)?;
        let open = current.runs.remove(position);
        if let Some(digest) = &open.snapshot {
            current.snapshot_refused = Some((digest.clone(), format!("run {run} was rejected")));
        }
        Some(open)
    })
    .await?;
    let Some(open) = rejected else { return Ok(false) };
    for export in &open.exports[..open.consumed as usize] {
        let body = super::store::encode(export)?;
        ports.table.put_fact(&super::names::consumed_partition(sync.name()), &export.key, &body).await?;
    }
    set_status(ports, sync, run, RunStatus::Rejected).await?;
    Ok(true)
}

/// A person stops a run that is being delivered: nothing further of the sync is sent until it is started again, and then
/// it goes on where it stopped. Returns whether the run was being delivered.
pub async fn stop(ports: &Ports, sync: &Sync, run: RunId) -> Result<bool, ProtocolError> {
    let stopped = update_checkpoint(ports, sync.name(), |current| {
        let is_open = current.runs.iter().any(|open| open.run == run && open.phase == RunPhase::Delivering);
        is_open.then(|| {
            let reason = format!("run {} was cancelled; a start of the sync goes on with it", run.0);
            current.phase = Phase::Halted { reason };
        })
    })
    .await?;
    Ok(stopped.is_some())
}

/// A person has dealt with what stopped the sync. Returns whether it was stopped.
pub async fn cancel_halt(ports: &Ports, sync: &Sync) -> Result<bool, ProtocolError> {
    let lifted = update_checkpoint(ports, sync.name(), |current| {
        matches!(current.phase, Phase::Halted { .. }).then(|| current.phase = Phase::Idle)
    })
    .await?;
    Ok(lifted.is_some())
}

async fn set_status(ports: &Ports, sync: &Sync, run: RunId, status: RunStatus) -> Result<(), ProtocolError> {
    let now_ms = ports.clock.now_ms();
    change_run(ports, sync.name(), run, RunStatus::Held, |record| {
        record.status = status;
        if status == RunStatus::Rejected {
            record.finished_at_ms = Some(now_ms);
        }
    })
    .await?;
    Ok(())
}
