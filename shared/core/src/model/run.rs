use serde::{Deserialize, Serialize};

use super::{Cost, Counts, Settled, Usage};

/// Number of a run within its sync, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

/// Why a plan waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "guard")]
pub enum HoldReason {
    /// More billable mutations than the sync allows in one run.
    BillableOver {
        /// Planned.
        billable: u64,
        /// Allowed.
        limit: u64,
    },
    /// Far more billable mutations than the sync's own runs had.
    BillableAboveAverage {
        /// Planned.
        billable: u64,
        /// Mean of the latest runs.
        average: u64,
    },
    /// A large share of the ledger would be deleted.
    DeletesOver {
        /// Planned deletes.
        deletes: u64,
        /// Live keys before.
        live: u64,
        /// Allowed share in percent.
        percent: u8,
    },
    /// A large share of a folder's rows would be deleted, where folders are snapshots of their own.
    FolderDeletesOver {
        /// Path of the folder.
        folder: String,
        /// Planned deletes of its rows.
        deletes: u64,
        /// Its live rows before.
        live: u64,
        /// Allowed share in percent.
        percent: u8,
        /// How many other folders lose as much.
        others: u64,
    },
    /// The snapshot has no rows at all.
    EmptySnapshot {
        /// Live keys before.
        live: u64,
    },
    /// Several different rows share a key and nothing orders them.
    KeyConflicts {
        /// Keys.
        keys: u64,
    },
    /// Many rows of the run are rejected.
    RejectedOver {
        /// Rejected rows.
        rejected: u64,
        /// Read rows.
        read: u64,
        /// Allowed share in percent.
        percent: u8,
    },
    /// Columns or the mapping changed, and rows that were sent would be updated for it.
    SchemaChanged {
        /// Rows.
        updates: u64,
    },
    /// What got no answer may be there, and the destination would not know it again: sent once more it may be there twice.
    UnclearTooOld {
        /// For how many days the destination knows an insert_id.
        days: i64,
    },
}

impl std::fmt::Display for HoldReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BillableOver { billable, limit } => {
                write!(f, "{billable} billable mutations, over the sync's limit of {limit} (hold.billable_over)")
            }
            Self::BillableAboveAverage { billable, average } => write!(
                f,
                "{billable} billable mutations, far above the {average} that this sync's runs had on average (hold.billable_times_average)"
            ),
            Self::DeletesOver { deletes, live, percent } => {
                write!(f, "{deletes} deletes of {live} live rows, over {percent} % (hold.deletes_over_percent)")
            }
            Self::FolderDeletesOver { folder, deletes, live, percent, others } => {
                write!(f, "{deletes} deletes of {live} live rows of {folder}, over {percent} %")?;
                if *others > 0 {
                    write!(f, ", and as much in {others} other folders")?;
                }
                f.write_str(" (hold.deletes_over_percent)")
            }
            Self::EmptySnapshot { live } => {
                write!(f, "the snapshot is empty, {live} live rows would be deleted")
            }
            Self::KeyConflicts { keys } => write!(
                f,
                "{keys} keys have several different rows and no order column; those rows go to the quarantine (source.order)"
            ),
            Self::RejectedOver { rejected, read, percent } => write!(
                f,
                "{rejected} of {read} rows are rejected, over {percent} % (hold.rejected_over_percent): probably a wrong mapping"
            ),
            Self::SchemaChanged { updates } => write!(
                f,
                "columns or the mapping changed, and {updates} rows that were sent would be updated (schema_changes)"
            ),
            Self::UnclearTooOld { days } => write!(
                f,
                "some of it got no answer, and the destination knows what it has for {days} days only: approve sends the rest and it may be there twice, reject leaves the rest out; look at the destination first"
            ),
        }
    }
}

/// Something worth knowing that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable name.
    pub code: String,
    /// One sentence.
    pub text: String,
}

/// A payload as it would be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Export and row (from 1) it comes from.
    pub from: String,
    /// The JSON.
    pub payload: serde_json::Value,
}

/// What a plan came to: exact, because the dry run is the same code without the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanSummary {
    /// Outcomes known at planning; `accepted` is what will be sent.
    pub counts: Counts,
    /// Keys to insert.
    pub inserts: u64,
    /// Keys to update.
    pub updates: u64,
    /// Of these, updates that change the identity: a tombstone and a new event each.
    pub identity_changes: u64,
    /// Keys to delete, by request and by absence.
    pub deletes: u64,
    /// Events that will be sent, each of which may be billed.
    pub billable: u64,
    /// Lines that will be sent: events, tombstones, updates.
    pub lines: u64,
    /// Batches.
    pub batches: u32,
    /// Bytes of payload before compression.
    pub payload_bytes: u64,
    /// Exports read.
    pub exports: Vec<String>,
    /// Compressed bytes of these exports.
    pub export_bytes: u64,
    /// How the feed was read.
    pub feed: String,
    /// Rejected rows by reason.
    pub rejected_by_reason: std::collections::BTreeMap<String, u64>,
    /// First rejected rows.
    pub rejected_first: Vec<super::QuarantinedRow>,
    /// Exports that could not be read, with the reason.
    pub failed_exports: Vec<(String, String)>,
    /// Guards that ask for a person.
    pub holds: Vec<HoldReason>,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// Up to three payloads.
    pub samples: Vec<Sample>,
    /// Whether events and profiles name the same users, where the destination has both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<super::UserOverlap>,
    /// Whether work is left for a next run.
    pub more: bool,
}

/// State of a run in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Batches are being delivered.
    Delivering,
    /// Waits for a person.
    Held,
    /// Finished; every row is accounted for.
    Finished,
    /// A person rejected the plan.
    Rejected,
}

/// One line of the run history, and the report of a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Run.
    pub run: RunId,
    /// Sync.
    pub sync: String,
    /// State.
    pub status: RunStatus,
    /// When planning ended.
    pub planned_at_ms: i64,
    /// When it finished.
    pub finished_at_ms: Option<i64>,
    /// The plan.
    pub plan: PlanSummary,
    /// What delivery came to.
    pub settled: Settled,
    /// Final outcomes.
    pub counts: Counts,
    /// What AWS was used for it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub usage: Usage,
    /// What that costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

fn is_nothing(usage: &Usage) -> bool {
    *usage == Usage::default()
}
