use super::deliver::Claim;
use super::error::ProtocolError;
use super::limits::{PAGE, RECENT_RUNS};
use super::store::{decode, encode, load_checkpoint, load_plan, load_run, save_run, update_checkpoint};
use super::{FailedExport, Sync, names};
use crate::ledger::LedgerWriter;
use crate::model::{Cost, LedgerPart, OpenRun, RowKey, RowState, RunId, RunRecord, RunStatus, Settled, Usage};
use crate::ports::{PortError, Ports, Progress, QueueName};

/// Finishes a run whose batches are all settled: writes what it consumed and its report, then advances ledger and
/// checkpoint by one compare-and-swap. Whoever notices last may call it, and several at once do no harm. Returns whether
/// the run is finished.
pub async fn finish(ports: &Ports, sync: &Sync, run: RunId) -> Result<bool, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let Some(open) = checkpoint.runs.iter().find(|open| open.run == run) else { return Ok(true) };
    let claims = claims_of(ports, sync.name(), run).await?;
    let settled_claims: Vec<_> = claims.iter().filter_map(|(n, c)| c.settled.map(|s| (n, c, s))).collect();
    if settled_claims.len() < open.batches as usize {
        return Ok(false);
    }
    let mut settled = Settled::default();
    let mut quiet_until_ms = 0;
    let mut usage = Usage::default();
    for (_, claim, batch) in &settled_claims {
        settled.add(batch);
        usage.add(&claim.usage);
        quiet_until_ms = quiet_until_ms.max(claim.quiet_until_ms);
    }
    let record = report(ports, sync, open, settled, usage).await?;
    let refused_batches = settled_claims.iter().filter(|(_, c, _)| c.refused).map(|(n, _, _)| **n);
    let refused = refused_part(ports, sync.name(), open, refused_batches.collect()).await?;
    for export in &open.exports[..open.consumed as usize] {
        ports.table.put_fact(&names::consumed_partition(sync.name()), &export.key, &encode(export)?).await?;
    }
    for (export, reason) in &record.plan.failed_exports {
        if let Some(version) = open.exports.iter().find(|version| version.key == *export) {
            let failed = FailedExport { version: version.clone(), reason: reason.clone() };
            ports.table.put_fact(&names::failed_partition(sync.name()), export, &encode(&failed)?).await?;
        }
    }
    save_run(ports, &record).await?;
    ports.blobs.put(&names::report(sync.name(), run), encode(&record)?.into()).await?;
    let advanced = update_checkpoint(ports, sync.name(), |current| {
        let position = current.runs.iter().position(|open| open.run == run)?;
        let open = current.runs.remove(position);
        if open.snapshot.is_some() {
            if open.ledger_replaces {
                current.ledger.clear();
            }
            current.ledger.extend(open.ledger);
            current.ledger.extend(refused.clone());
            current.ledger_live = open.ledger_live;
            current.snapshot = open.snapshot;
            current.snapshot_complete = open.snapshot_complete;
        }
        // Appended facts never change, so a late copy of one can do no harm.
        if open.keeps_order {
            current.quiet_until_ms = current.quiet_until_ms.max(quiet_until_ms);
        }
        current.recent_billable.push(open.billable);
        let surplus = current.recent_billable.len().saturating_sub(RECENT_RUNS);
        current.recent_billable.drain(..surplus);
        Some(())
    })
    .await?;
    // Of several that finish it at once one does: what is counted by this is counted once.
    if advanced.is_some() {
        ports.observer.note(Progress::Finished { sync: sync.name(), report: &record });
    }
    ports.queue.send(QueueName::Notices, vec![sync.name().to_string()], 0).await?;
    clean_up(ports, sync.name(), open).await?;
    Ok(true)
}

/// The claims of a run by batch.
pub(super) async fn claims_of(ports: &Ports, sync: &str, run: RunId) -> Result<Vec<(u32, Claim)>, PortError> {
    let partition = names::claims_partition(sync, run);
    let mut claims = Vec::new();
    let mut after = String::new();
    loop {
        let page = ports.table.list(&partition, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (sort, item) in page {
            if let Ok(batch) = sort.parse::<u32>() {
                claims.push((batch, decode("a claim", &item.body)?));
            }
            after = sort;
        }
        if !full {
            return Ok(claims);
        }
    }
}

/// The run's report, with every row accounted for.
async fn report(
    ports: &Ports,
    sync: &Sync,
    open: &OpenRun,
    settled: Settled,
    mut usage: Usage,
) -> Result<RunRecord, ProtocolError> {
    let planned = match load_plan(ports, sync.name(), open.run, open.attempt).await? {
        Some(planned) => planned,
        None => load_run(ports, sync.name(), open.run).await?.ok_or_else(|| {
            ProtocolError::Halt(format!(
                "the plan of run {} of {} is missing; restore the state",
                open.run,
                sync.name()
            ))
        })?,
    };
    let mut counts = planned.plan.counts;
    counts.accepted = settled.accepted;
    counts.rejected += settled.rejected;
    counts.deleted_by_absence = settled.deleted_by_absence;
    if !counts.is_conserved() {
        return Err(ProtocolError::Halt(format!(
            "run {} of {} does not add up: {counts:?}; report this as a defect",
            open.run,
            sync.name()
        )));
    }
    usage.add(&planned.usage);
    usage.add(&ports.meter.take());
    let is_billed = usage != Usage::default();
    Ok(RunRecord {
        status: RunStatus::Finished,
        finished_at_ms: Some(ports.clock.now_ms()),
        settled,
        counts,
        usage,
        cost: is_billed.then(|| Cost::of(&usage, settled.request_bytes)),
        ..planned
    })
}

/// Puts the states of refused rows on top of the ledger.
async fn refused_part(
    ports: &Ports,
    sync: &str,
    open: &OpenRun,
    batches: Vec<u32>,
) -> Result<Vec<LedgerPart>, ProtocolError> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let mut writer = LedgerWriter::new(names::ledger_part(sync, open.run, open.attempt, "refused"));
    let mut parts = Vec::new();
    for batch in batches {
        let blob = names::refused_of_batch(sync, open.run, open.attempt, batch);
        let bytes =
            ports.blobs.get(&blob).await?.ok_or_else(|| ProtocolError::Retry(format!("{blob} is not there")))?;
        let states: Vec<(RowKey, RowState)> = postcard::from_bytes(&bytes)
            .map_err(|e| ProtocolError::Halt(format!("{blob} is not readable ({e}); restore it")))?;
        for state in states {
            parts.extend(writer.push(state)?);
        }
    }
    parts.extend(writer.finish()?);
    let mut stored = Vec::new();
    for (part, bytes) in parts {
        ports.blobs.put(&part.blob, bytes).await?;
        stored.push(part);
    }
    Ok(stored)
}

/// Deletes what only the delivery needed. What a crash leaves is found by sweep.
async fn clean_up(ports: &Ports, sync: &str, open: &OpenRun) -> Result<(), PortError> {
    let claims = names::claims_partition(sync, open.run);
    for batch in 0..open.batches {
        ports.blobs.delete(&names::staged_batch(sync, open.run, open.attempt, batch)).await?;
        ports.blobs.delete(&names::refused_of_batch(sync, open.run, open.attempt, batch)).await?;
    }
    // The claims go last: while they are there, an old message is known to be settled.
    for batch in 0..open.batches {
        ports.table.delete(&claims, &names::batch_sort(batch)).await?;
    }
    for page in 0..open.batches.div_ceil(super::limits::DONE_SET_SIZE) {
        ports.table.delete(&claims, &names::done_sort(page)).await?;
    }
    ports.table.delete(&names::plans_partition(sync), &names::plan_sort(open.run, open.attempt)).await
}
