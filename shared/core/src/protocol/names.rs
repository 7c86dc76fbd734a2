//! Where things are kept: partitions and sort keys of the table, keys of the state bucket.

use crate::model::RunId;

/// Partition of a sync's checkpoint; its sort key is [`CHECKPOINT`].
pub fn sync_partition(sync: &str) -> String {
    format!("sync/{sync}")
}
/// Sort key of the checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// Sort key of the hour or day that a scheduled sync was last started in.
pub const SCHEDULE: &str = "schedule";

/// Partition of the configuration that is in force; its sort key is [`CURRENT`].
pub const CONFIG: &str = "config";
/// Sort key of what is in force.
pub const CURRENT: &str = "current";

/// Partition of users who are to be forgotten; the sort keys are [`SALT`] and hashes.
pub const SUPPRESSED: &str = "suppressed";
/// Sort key of what their hashes are salted with.
pub const SALT: &str = "-salt";

/// Partition of the users that syncs to a destination name; the sort key is `events/` or `profiles/` and the sync.
pub fn users_partition(destination: &str) -> String {
    format!("users/{destination}")
}

/// Partition of the requests to a destination to delete users; the sort key is the request's number.
pub fn deletions_partition(destination: &str) -> String {
    format!("deletions/{destination}")
}

/// Partition of the starts of a sync by the names that their callers gave them.
pub fn requests_partition(sync: &str) -> String {
    format!("requests/{sync}")
}

/// The files of a version of the configuration.
pub fn config_blob(version: &str) -> String {
    format!("config/{version}.json")
}

/// Partition of the consumed exports; the sort key is the export's key.
pub fn consumed_partition(sync: &str) -> String {
    format!("consumed/{sync}")
}

/// Partition of the exports of a feed that could not be read to the end; the sort key is the export's key.
pub fn failed_partition(sync: &str) -> String {
    format!("failed/{sync}")
}

/// Partition of the run history; the sort key is the run.
pub fn runs_partition(sync: &str) -> String {
    format!("runs/{sync}")
}

/// Partition of what attempts planned; the sort key is [`plan_sort`].
pub fn plans_partition(sync: &str) -> String {
    format!("plans/{sync}")
}

/// Sort key of what an attempt planned for a run.
pub fn plan_sort(run: RunId, attempt: u64) -> String {
    format!("{run}-{attempt:06}")
}

/// Row states of a batch's refused rows, until finish puts them into the ledger.
pub fn refused_of_batch(sync: &str, run: RunId, attempt: u64, batch: u32) -> String {
    format!("{}{batch:08}.refused", staged_prefix(sync, run, attempt))
}

/// Partition of a run's claims; the sort key is the batch.
pub fn claims_partition(sync: &str, run: RunId) -> String {
    format!("claims/{sync}/{run}")
}

/// Sort key of a batch.
pub fn batch_sort(batch: u32) -> String {
    format!("{batch:08}")
}

/// Sort key of a page of the done-set, in the partition of the claims.
pub fn done_sort(page: u32) -> String {
    format!("done-{page:06}")
}

/// Folder of what an attempt staged for a run.
pub fn staged_prefix(sync: &str, run: RunId, attempt: u64) -> String {
    format!("staged/{sync}/{run}-{attempt:06}/")
}

/// A staged batch.
pub fn staged_batch(sync: &str, run: RunId, attempt: u64, batch: u32) -> String {
    format!("{}{batch:08}", staged_prefix(sync, run, attempt))
}

/// Prefix of the ledger parts that an attempt writes.
pub fn ledger_part(sync: &str, run: RunId, attempt: u64, what: &str) -> String {
    format!("ledger/{sync}/{run}-{attempt:06}-{what}")
}

/// The report of a finished run.
pub fn report(sync: &str, run: RunId) -> String {
    format!("reports/{sync}/{run}.json")
}

/// Folder of a sync's quarantine.
pub fn quarantine_prefix(sync: &str) -> String {
    format!("quarantine/{sync}/")
}

/// Rows rejected by the plan of a run.
pub fn quarantine_of_plan(sync: &str, run: RunId, attempt: u64, number: usize) -> String {
    format!("{}{run}-{attempt:06}/plan-{number:04}.jsonl", quarantine_prefix(sync))
}

/// Rows of a batch that the destination refused.
pub fn quarantine_of_batch(sync: &str, run: RunId, attempt: u64, batch: u32) -> String {
    format!("{}{run}-{attempt:06}/batch-{batch:08}.jsonl", quarantine_prefix(sync))
}
