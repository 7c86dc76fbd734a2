use serde::de::DeserializeOwned;

use super::limits::{PAGE, SWAP_ATTEMPTS_MAX};
use super::names;
use crate::model::{Checkpoint, RunId, RunRecord, RunStatus};
use crate::ports::{Item, PortError, Ports, Put};

/// A sync's checkpoint, or a fresh one.
pub async fn load_checkpoint(ports: &Ports, sync: &str) -> Result<Checkpoint, PortError> {
    Ok(load(ports, sync).await?.0)
}

async fn load(ports: &Ports, sync: &str) -> Result<(Checkpoint, Option<Item>), PortError> {
    let item = ports.table.get(&names::sync_partition(sync), names::CHECKPOINT).await?;
    let checkpoint = match &item {
        Some(item) => decode(&format!("checkpoint of {sync}"), &item.body)?,
        None => Checkpoint::default(),
    };
    Ok((checkpoint, item))
}

/// Changes a checkpoint by compare-and-swap. `change` sees the current state and either changes it and returns what came
/// of it, or returns `None`: then nothing is written. It runs again whenever another writer was first.
///
/// Each write carries a token. A write whose answer was lost is known by it: if the token is there, it was ours.
pub async fn update_checkpoint<T>(
    ports: &Ports,
    sync: &str,
    mut change: impl FnMut(&mut Checkpoint) -> Option<T>,
) -> Result<Option<T>, PortError> {
    let partition = names::sync_partition(sync);
    let mut unclear: Option<(String, T)> = None;
    let mut last_error = None;
    for _ in 0..SWAP_ATTEMPTS_MAX {
        let (mut checkpoint, item) = match load(ports, sync).await {
            Ok(loaded) => loaded,
            // After an unclear write, only reading tells whether it happened: keep asking.
            Err(error @ PortError::Retry { .. }) if unclear.is_some() => {
                last_error = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some((token, result)) = unclear.take()
            && item.as_ref().is_some_and(|item| item.token == token)
        {
            return Ok(Some(result));
        }
        let Some(result) = change(&mut checkpoint) else { return Ok(None) };
        let token = ports.ids.token();
        let body = encode(&checkpoint)?;
        let expected = item.map(|item| item.revision);
        match ports.table.put(&partition, names::CHECKPOINT, expected, &token, &body).await {
            Ok(Put::Done(_)) => return Ok(Some(result)),
            Ok(Put::Conflict(Some(current))) if current.token == token => return Ok(Some(result)),
            Ok(Put::Conflict(_)) => {}
            Err(error @ PortError::Retry { .. }) => {
                unclear = Some((token, result));
                last_error = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last_error
        .unwrap_or_else(|| PortError::retry(format!("checkpoint of {sync}"), "other writers were always first")))
}

/// One run of the history.
pub async fn load_run(ports: &Ports, sync: &str, run: RunId) -> Result<Option<RunRecord>, PortError> {
    match ports.table.get(&names::runs_partition(sync), &run.to_string()).await? {
        Some(item) => Ok(Some(decode(&format!("run {run} of {sync}"), &item.body)?)),
        None => Ok(None),
    }
}

/// The run history, oldest first, after a run.
pub async fn runs(ports: &Ports, sync: &str, after: Option<RunId>) -> Result<Vec<RunRecord>, PortError> {
    let mut after = after.map(|run| run.to_string()).unwrap_or_default();
    let mut records = Vec::new();
    loop {
        let page = ports.table.list(&names::runs_partition(sync), &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (sort, item) in page {
            records.push(decode(&format!("run {sort} of {sync}"), &item.body)?);
            after = sort;
        }
        if !full {
            return Ok(records);
        }
    }
}

/// Adds a run to the history, unless whoever finished it was first.
pub(super) async fn add_run(ports: &Ports, record: &RunRecord) -> Result<(), PortError> {
    let token = ports.ids.token();
    let partition = names::runs_partition(&record.sync);
    ports.table.put(&partition, &record.run.to_string(), None, &token, &encode(record)?).await?;
    Ok(())
}

/// Changes a run of the history, unless its state is another one by now.
pub(super) async fn change_run(
    ports: &Ports,
    sync: &str,
    run: RunId,
    status: RunStatus,
    change: impl FnOnce(&mut RunRecord),
) -> Result<(), PortError> {
    let partition = names::runs_partition(sync);
    let Some(item) = ports.table.get(&partition, &run.to_string()).await? else { return Ok(()) };
    let mut record: RunRecord = decode(&format!("run {run} of {sync}"), &item.body)?;
    if record.status == status {
        change(&mut record);
        let token = ports.ids.token();
        ports.table.put(&partition, &run.to_string(), Some(item.revision), &token, &encode(&record)?).await?;
    }
    Ok(())
}

pub(super) async fn save_run(ports: &Ports, record: &RunRecord) -> Result<(), PortError> {
    let body = encode(record)?;
    ports.table.put_fact(&names::runs_partition(&record.sync), &record.run.to_string(), &body).await
}

/// Keeps what an attempt planned, for whoever finishes the run.
pub(super) async fn save_plan(ports: &Ports, attempt: u64, record: &RunRecord) -> Result<(), PortError> {
    let body = encode(record)?;
    ports.table.put_fact(&names::plans_partition(&record.sync), &names::plan_sort(record.run, attempt), &body).await
}

/// What an attempt planned.
pub(super) async fn load_plan(
    ports: &Ports,
    sync: &str,
    run: RunId,
    attempt: u64,
) -> Result<Option<RunRecord>, PortError> {
    match ports.table.get(&names::plans_partition(sync), &names::plan_sort(run, attempt)).await? {
        Some(item) => Ok(Some(decode(&format!("plan of run {run} of {sync}"), &item.body)?)),
        None => Ok(None),
    }
}

pub(super) fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(value).map_err(|e| PortError::halt("writing state", e, "report this as a defect"))
}

pub(super) fn decode<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(body).map_err(|e| {
        PortError::halt(
            what,
            format!("is not readable ({e})"),
            "it was written by another version of driftless: use that version, or restore the state",
        )
    })
}
