use serde::{Deserialize, Serialize};

use super::{ExportVersion, RunId, SchemaLock};

/// A scope's durable state. It changes only by compare-and-swap on its revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    /// What the scope is doing.
    pub phase: Phase,
    /// Counts planning attempts; the current one fences out the others.
    pub attempt: u64,
    /// Number of the last run.
    pub last_run: u64,
    /// Runs that are not finished, oldest first.
    pub runs: Vec<OpenRun>,
    /// An export that a bounded run left in the middle.
    pub cursor: Option<Cursor>,
    /// What was learnt about the exports.
    pub lock: SchemaLock,
    /// The ledger: sorted parts, a later part overrides an earlier one.
    pub ledger: Vec<LedgerPart>,
    /// Live keys in the ledger.
    pub ledger_live: u64,
    /// The snapshot that was last planned to the end.
    pub snapshot: Option<String>,
    /// A snapshot that a person rejected or that could not be read, with the reason: not planned again by itself.
    pub snapshot_refused: Option<(String, String)>,
    /// Whether the last planned snapshot was proven complete, so that its deletes were taken.
    pub snapshot_complete: bool,
    /// Nothing of a later run may be sent before this moment: a request whose answer was lost may still land.
    pub quiet_until_ms: i64,
    /// one_time: the load was done.
    pub closed: bool,
    /// Billable mutations of the latest finished runs, newest last.
    pub recent_billable: Vec<u64>,
}

/// What a scope is doing, beside delivering its open runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Phase {
    /// Nothing is being planned.
    #[default]
    Idle,
    /// One planner holds the scope.
    Planning {
        /// Who.
        owner: String,
        /// Until when, milliseconds since the epoch.
        lease_until_ms: i64,
        /// Whether a person asked for this plan; it then counts as the word that a snapshot is complete, where the sync says so.
        by_person: bool,
        /// Whether a planner has taken the message. From then on only the end of its lease lets another one in.
        started: bool,
    },
    /// Stopped until a person acts.
    Halted {
        /// Why and what to do.
        reason: String,
    },
}

/// Where the next run of a feed starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The export.
    pub export: ExportVersion,
    /// First row not yet planned.
    pub next_row: u64,
}

/// State of an open run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// Batches go out.
    Delivering,
    /// A guard asks for a person.
    Held,
}

/// A committed plan whose batches are not all settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRun {
    /// Run.
    pub run: RunId,
    /// Planning attempt that staged its batches; part of their names.
    pub attempt: u64,
    /// State.
    pub phase: RunPhase,
    /// Number of batches.
    pub batches: u32,
    /// Exports of the run, by the index that positions use.
    pub exports: Vec<ExportVersion>,
    /// Of these, how many were read to their end: they are consumed when the run is.
    pub consumed: u32,
    /// Ledger parts that count once the run is finished.
    pub ledger: Vec<LedgerPart>,
    /// Whether `ledger` replaces all parts (a compaction) or comes on top.
    pub ledger_replaces: bool,
    /// Live keys once the run is finished, before refusals.
    pub ledger_live: u64,
    /// The snapshot it brings about.
    pub snapshot: Option<String>,
    /// See [`Checkpoint::snapshot_complete`].
    pub snapshot_complete: bool,
    /// Events that will be sent.
    pub billable: u64,
    /// Whether a later run must not overtake what of this one may still be on its way.
    pub keeps_order: bool,
    /// When a person let it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at_ms: Option<i64>,
    /// Version of the configuration that it was planned under; it is delivered under the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config: String,
}

/// One sorted file of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPart {
    /// Blob key.
    pub blob: String,
    /// Row states in it.
    pub rows: u64,
}
