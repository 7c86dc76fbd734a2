use serde::{Deserialize, Serialize};

use super::error::ProtocolError;
use super::limits::{
    BACK_OFF_FIRST_MS, BACK_OFF_JITTER_MS, BACK_OFF_MAX_MS, CLAIM_LEASE_MS, CLOCK_SKEW_MS, DAY_MS, DEDUPE_MARGIN_MS,
    DONE_SET_SIZE, LATE_BOUND_MS, REQUEST_TIMEOUT_MS, STATES_PER_CALL,
};
use super::send_payload::{Sent, SettledLines, send_payload};
use super::store::{change_run, decode, encode, load_checkpoint, update_checkpoint};
use super::{Sync, finish, names, quarantine};
use crate::model::{
    BatchRef, ChangeKind, HoldReason, OpenRun, Phase, QuarantinedRow, RowError, RowErrorCode, RowState, RowStatus,
    RunId, RunPhase, RunStatus, Settled, StagedBatch, Usage,
};
use crate::ports::{PortError, Ports, Progress, Put};

/// What became of a batch message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The batch is settled.
    Settled,
    /// An old message: nothing to do.
    Stale,
    /// Not now; come back after so many milliseconds.
    Later {
        /// Milliseconds.
        wait_ms: i64,
    },
    /// Another worker holds the batch; it settles it, or its lease ends after so many milliseconds.
    Held {
        /// Milliseconds.
        wait_ms: i64,
    },
    /// The sync was stopped.
    Halted(String),
    /// The run waits for a person.
    WaitsForPerson(RunId),
}

/// A fenced lease on a batch, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub owner: String,
    /// Grows with each owner: only the newest may settle.
    pub fence: u64,
    pub lease_until_ms: i64,
    /// Attempts at sending that did not settle the batch, for back-off.
    pub attempts: u32,
    pub settled: Option<Settled>,
    /// Whether refused row states wait for finish.
    pub refused: bool,
    /// Until when something that was sent may still land.
    pub quiet_until_ms: i64,
    /// Counted so far by owners that did not settle.
    pub spent: Settled,
    /// What AWS was used for it so far.
    #[serde(default)]
    pub usage: Usage,
    /// Since when something that was sent may be there without an answer having said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear_since_ms: Option<i64>,
    /// The lines that need not be sent any more.
    #[serde(default)]
    pub lines: SettledLines,
}

/// A claim that is held, with the table's revision of it: only through it may a batch be sent and settled.
pub(super) struct ClaimedBatch {
    claim: Claim,
    revision: u64,
}

impl Claim {
    fn is_free(&self, ports: &Ports) -> bool {
        ports.clock.now_ms() > self.lease_until_ms + CLOCK_SKEW_MS || ports.liveness.is_dead(&self.owner)
    }
}

/// Claims a batch, sends it, reads the answer row by row, remembers row states, quarantines what was refused and settles
/// the batch. Each step may be repeated by another worker after a crash: the payload, the ids and what is remembered
/// follow from the staged batch alone.
pub async fn deliver(ports: &Ports, sync: &Sync, batch: &BatchRef) -> Result<Delivered, ProtocolError> {
    match deliver_claimed(ports, sync, batch).await {
        Err(ProtocolError::Halt(reason)) => halt(ports, sync, reason).await,
        result => result,
    }
}

/// Stops the sync until a person acts.
async fn halt(ports: &Ports, sync: &Sync, reason: String) -> Result<Delivered, ProtocolError> {
    update_checkpoint(ports, sync.name(), |current| {
        current.phase = Phase::Halted { reason: reason.clone() };
        Some(())
    })
    .await?;
    ports.observer.note(Progress::Stopped { sync: sync.name(), reason: &reason });
    Ok(Delivered::Halted(reason))
}

async fn deliver_claimed(ports: &Ports, sync: &Sync, batch: &BatchRef) -> Result<Delivered, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    if let Phase::Halted { reason } = &checkpoint.phase {
        return Ok(Delivered::Halted(reason.clone()));
    }
    let Some(run) = checkpoint.runs.iter().find(|run| run.run == batch.run && run.phase == RunPhase::Delivering) else {
        return Ok(Delivered::Stale);
    };
    if batch.batch >= run.batches {
        return Ok(Delivered::Stale);
    }
    let mut claimed = match claim(ports, batch).await? {
        Claimed::Mine(claimed) => *claimed,
        Claimed::Settled => {
            mark_done(ports, sync, run, batch).await?;
            return Ok(Delivered::Stale);
        }
        Claimed::Held { wait_ms } => return Ok(Delivered::Held { wait_ms }),
    };
    let blob = names::staged_batch(sync.name(), run.run, run.attempt, batch.batch);
    let staged = ports
        .blobs
        .get(&blob)
        .await?
        .ok_or_else(|| ProtocolError::Retry(format!("staged batch {blob} is not there")))?;
    let staged = StagedBatch::from_bytes(&staged).map_err(|e| {
        ProtocolError::Halt(format!(
            "staged batch {blob} is not readable ({e}); restore it from the state bucket's versions"
        ))
    })?;
    let now_ms = ports.clock.now_ms();
    if let Some(reason) = too_late_to_repeat(sync, run, &claimed.claim, now_ms) {
        let spent = claimed.claim.spent;
        give_back(ports, batch, claimed, spent).await?;
        hold(ports, sync, run.run, reason).await?;
        return Ok(Delivered::WaitsForPerson(run.run));
    }
    let mut spent = claimed.claim.spent;
    let mut lines = std::mem::take(&mut claimed.claim.lines);
    let deadline_ms = claimed.claim.lease_until_ms;
    let sent = if staged.lines == 0 {
        Sent::Done
    } else {
        let last_start_ms = deadline_ms - REQUEST_TIMEOUT_MS - CLOCK_SKEW_MS;
        send_payload(ports, sync, batch, &staged, last_start_ms, &mut lines, &mut spent).await
    };
    if spent.ambiguous > claimed.claim.spent.ambiguous {
        let late = ports.clock.now_ms() + LATE_BOUND_MS;
        claimed.claim.quiet_until_ms = claimed.claim.quiet_until_ms.max(late);
        claimed.claim.unclear_since_ms.get_or_insert(now_ms);
    }
    if staged.lines > 0 {
        let rested = ports.clock.now_ms() + sync.destination.rest_ms();
        claimed.claim.quiet_until_ms = claimed.claim.quiet_until_ms.max(rested);
    }
    match sent {
        Sent::Done => {
            claimed.claim.spent = spent;
            settle(ports, sync, run, batch, claimed, &staged, lines.refused).await
        }
        Sent::NotNow { wait_ms, cause } => {
            let wait_ms = wait_ms.unwrap_or_else(|| back_off_ms(ports, claimed.claim.attempts));
            ports.observer.note(Progress::BackingOff { sync: sync.name(), wait_ms, cause: &cause });
            claimed.claim.lines = lines;
            give_back(ports, batch, claimed, spent).await?;
            Ok(Delivered::Later { wait_ms })
        }
        Sent::Halt(reason) => {
            claimed.claim.lines = lines;
            give_back(ports, batch, claimed, spent).await?;
            halt(ports, sync, reason).await
        }
    }
}

/// Whether what is left of a batch may be there for so long that the destination would not know it again.
fn too_late_to_repeat(sync: &Sync, run: &OpenRun, claim: &Claim, now_ms: i64) -> Option<HoldReason> {
    let window_ms = sync.destination.dedupe_window_ms()?;
    let since_ms = claim.unclear_since_ms?;
    let is_approved = run.approved_at_ms.is_some_and(|at| at >= since_ms);
    let days = window_ms / DAY_MS;
    (now_ms - since_ms > window_ms - DEDUPE_MARGIN_MS && !is_approved).then_some(HoldReason::UnclearTooOld { days })
}

/// Puts a run that is being delivered before a person.
async fn hold(ports: &Ports, sync: &Sync, run: RunId, reason: HoldReason) -> Result<(), ProtocolError> {
    let held = update_checkpoint(ports, sync.name(), |current| {
        let open = current.runs.iter_mut().find(|open| open.run == run && open.phase == RunPhase::Delivering)?;
        open.phase = RunPhase::Held;
        Some(())
    })
    .await?;
    if held.is_some() {
        let holds = [reason];
        change_run(ports, sync.name(), run, RunStatus::Delivering, |record| {
            record.status = RunStatus::Held;
            record.plan.holds.extend(holds.iter().cloned());
        })
        .await?;
        ports.observer.note(Progress::Held { sync: sync.name(), run, holds: &holds });
    }
    Ok(())
}

enum Claimed {
    Mine(Box<ClaimedBatch>),
    Settled,
    Held { wait_ms: i64 },
}

/// Takes the batch if nobody holds it. Taking it over from an owner whose lease ran out means that a request of that
/// owner may still be under way: nothing of a later run may be sent until it can no longer land.
async fn claim(ports: &Ports, batch: &BatchRef) -> Result<Claimed, PortError> {
    let partition = names::claims_partition(&batch.sync, batch.run);
    let sort = names::batch_sort(batch.batch);
    let found = ports.table.get(&partition, &sort).await?;
    let (mut claim, revision) = match &found {
        Some(item) => (decode::<Claim>("a claim", &item.body)?, Some(item.revision)),
        None => (Claim::default(), None),
    };
    if claim.settled.is_some() {
        return Ok(Claimed::Settled);
    }
    let now_ms = ports.clock.now_ms();
    if revision.is_some() && !claim.owner.is_empty() {
        if !claim.is_free(ports) {
            return Ok(Claimed::Held { wait_ms: (claim.lease_until_ms - now_ms).max(0) + 2 * CLOCK_SKEW_MS });
        }
        let last_send_ms = claim.lease_until_ms.min(now_ms + CLOCK_SKEW_MS);
        claim.quiet_until_ms = claim.quiet_until_ms.max(last_send_ms + LATE_BOUND_MS);
        claim.unclear_since_ms.get_or_insert(claim.lease_until_ms - CLAIM_LEASE_MS);
    }
    claim.owner = ports.liveness.owner();
    claim.fence += 1;
    claim.lease_until_ms = now_ms + CLAIM_LEASE_MS;
    let token = ports.ids.token();
    let body = encode(&claim)?;
    match ports.table.put(&partition, &sort, revision, &token, &body).await? {
        Put::Done(revision) => Ok(Claimed::Mine(Box::new(ClaimedBatch { claim, revision }))),
        Put::Conflict(Some(item)) if item.token == token => {
            Ok(Claimed::Mine(Box::new(ClaimedBatch { claim, revision: item.revision })))
        }
        Put::Conflict(_) => Ok(Claimed::Held { wait_ms: CLOCK_SKEW_MS }),
    }
}

/// Frees the claim for the next attempt. If that fails, the lease runs out by itself.
async fn give_back(ports: &Ports, batch: &BatchRef, claimed: ClaimedBatch, spent: Settled) -> Result<(), PortError> {
    let mut claim = claimed.claim;
    claim.attempts += 1;
    claim.owner = String::new();
    claim.lease_until_ms = 0;
    claim.spent = spent;
    claim.usage.add(&ports.meter.take());
    let partition = names::claims_partition(&batch.sync, batch.run);
    let token = ports.ids.token();
    ports
        .table
        .put(&partition, &names::batch_sort(batch.batch), Some(claimed.revision), &token, &encode(&claim)?)
        .await?;
    Ok(())
}

fn back_off_ms(ports: &Ports, attempts: u32) -> i64 {
    let base = BACK_OFF_FIRST_MS.saturating_mul(1 << attempts.min(10)).min(BACK_OFF_MAX_MS);
    base + 1_000 + ports.ids.jitter(BACK_OFF_JITTER_MS - 1_000) as i64
}

/// Remembers the outcome in an order in which a crash anywhere is repaired by doing it again: row states, quarantine,
/// then the settled claim, then the done-set.
async fn settle(
    ports: &Ports,
    sync: &Sync,
    run: &OpenRun,
    batch: &BatchRef,
    claimed: ClaimedBatch,
    staged: &StagedBatch,
    refused: Vec<crate::ports::Refusal>,
) -> Result<Delivered, ProtocolError> {
    let outcome = outcome_of(staged, &refused);
    let mut settled = claimed.claim.spent;
    settled.accepted = outcome.accepted;
    settled.rejected = outcome.refused.len() as u64 - outcome.refused_absent;
    settled.deleted_by_absence = outcome.deleted_by_absence;

    let is_snapshot = run.snapshot.is_some();
    if is_snapshot {
        if !outcome.refused_states.is_empty() {
            let blob = names::refused_of_batch(sync.name(), run.run, run.attempt, batch.batch);
            let bytes = postcard::to_stdvec(&outcome.refused_states)
                .map_err(|e| PortError::halt("keeping refused rows", e, "report this as a defect"))?;
            ports.blobs.put(&blob, bytes.into()).await?;
        }
    } else {
        let mut states = outcome.states;
        states.extend(outcome.refused_states.iter().cloned());
        states.extend(staged.quiet_states.iter().cloned());
        states.sort_by_key(|(key, _)| *key);
        for part in states.chunks(STATES_PER_CALL) {
            ports.row_states.put(sync.name(), part).await?;
        }
    }
    if !outcome.refused.is_empty() {
        let rows = quarantined(run, staged, &outcome.refused);
        let blob = names::quarantine_of_batch(sync.name(), run.run, run.attempt, batch.batch);
        quarantine::write(ports, &blob, &rows).await?;
    }
    let mut claim = claimed.claim;
    claim.refused = is_snapshot && !outcome.refused_states.is_empty();
    claim.settled = Some(settled);
    claim.usage.add(&ports.meter.take());
    claim.owner = String::new();
    let partition = names::claims_partition(&batch.sync, batch.run);
    let token = ports.ids.token();
    let put = ports
        .table
        .put(&partition, &names::batch_sort(batch.batch), Some(claimed.revision), &token, &encode(&claim)?)
        .await?;
    match put {
        Put::Done(_) => {}
        Put::Conflict(Some(item)) if item.token == token => {}
        // Another worker took it over; it settles.
        Put::Conflict(_) => return Ok(Delivered::Held { wait_ms: CLOCK_SKEW_MS }),
    }
    ports.observer.note(Progress::Delivered { sync: sync.name(), rows: settled.accepted + settled.deleted_by_absence });
    mark_done(ports, sync, run, batch).await?;
    Ok(Delivered::Settled)
}

/// Adds the batch to the done-set and finishes the run if it was the last.
async fn mark_done(ports: &Ports, sync: &Sync, run: &OpenRun, batch: &BatchRef) -> Result<(), ProtocolError> {
    let partition = names::claims_partition(&batch.sync, batch.run);
    let page = batch.batch / DONE_SET_SIZE;
    let expected = (run.batches - page * DONE_SET_SIZE).min(DONE_SET_SIZE);
    let done = ports.table.add_member(&partition, &names::done_sort(page), batch.batch).await?;
    if done == expected {
        finish(ports, sync, batch.run).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Outcome {
    accepted: u64,
    deleted_by_absence: u64,
    states: Vec<(crate::model::RowKey, RowState)>,
    /// Change number, field, reason.
    refused: Vec<(usize, String, String)>,
    refused_absent: u64,
    refused_states: Vec<(crate::model::RowKey, RowState)>,
}

/// Reads the refusals by line as refusals of changes. A change of two lines is refused if its event is; if only its
/// tombstone is, the event is there all the same.
fn outcome_of(staged: &StagedBatch, refused: &[crate::ports::Refusal]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut line = 0u32;
    let mut refused = refused.iter().peekable();
    for (number, change) in staged.changes.iter().enumerate() {
        let is_absence = change.kind == ChangeKind::DeleteByAbsence;
        let Some(last_line) = (line + u32::from(change.lines)).checked_sub(1).filter(|_| change.lines > 0) else {
            // Nothing of its own was sent for it: it went with the whole.
            outcome.accepted += u64::from(!is_absence);
            outcome.deleted_by_absence += u64::from(is_absence);
            outcome.states.extend(change.keyed.as_ref().map(|keyed| (keyed.key, keyed.after.clone())));
            continue;
        };
        let mut refusal = None;
        while let Some(next) = refused.next_if(|r| r.line <= last_line) {
            if next.line == last_line {
                refusal = Some(next);
            }
        }
        line = last_line + 1;
        match refusal {
            None => {
                outcome.accepted += u64::from(!is_absence);
                outcome.deleted_by_absence += u64::from(is_absence);
                outcome.states.extend(change.keyed.as_ref().map(|keyed| (keyed.key, keyed.after.clone())));
            }
            Some(refusal) => {
                outcome.refused_absent += u64::from(is_absence);
                outcome.refused.push((number, refusal.field.clone(), refusal.reason.clone()));
                outcome
                    .refused_states
                    .extend(change.keyed.as_ref().map(|keyed| (keyed.key, refused_state(keyed, change.lines))));
            }
        }
    }
    outcome
}

/// The state of a key whose change was refused: the older copy, if there is one, is still there, unless its tombstone
/// went out with the refused event.
fn refused_state(keyed: &crate::model::KeyedChange, lines: u8) -> RowState {
    let mut state = RowState { status: RowStatus::Rejected, identity: None, ..keyed.after.clone() };
    if let Some(before) = &keyed.before {
        state.revision = before.revision;
        // Where the identity stays, the older copy does, too.
        if lines == 1 || before.identity == keyed.after.identity {
            state.identity = before.visible().cloned();
        } else {
            state.revision = keyed.after.revision;
        }
    }
    state
}

fn quarantined(run: &OpenRun, staged: &StagedBatch, refused: &[(usize, String, String)]) -> Vec<QuarantinedRow> {
    refused
        .iter()
        .map(|(number, field, reason)| {
            let change = &staged.changes[*number];
            let export = change.at.and_then(|at| run.exports.get(at.export as usize));
            let mut error = RowError::of_row(
                RowErrorCode::RefusedByDestination,
                format!("the destination refused it: {reason}"),
                "correct the export or the mapping, then run driftless replay",
            );
            error.column = (!field.is_empty()).then(|| field.clone());
            QuarantinedRow {
                export: export.map(|e| e.key.clone()).unwrap_or_default(),
                etag: export.map(|e| e.etag.clone()).unwrap_or_default(),
                row: change.at.map_or(0, |at| at.row + 1),
                key: change.keyed.as_ref().map(|keyed| keyed.key.to_hex()),
                error,
            }
        })
        .collect()
}
