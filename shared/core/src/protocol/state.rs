use std::fmt;

use crate::model::{Checkpoint, Phase, RunId, RunPhase};

/// Where a sync stands, in the words that people and programs are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// A run waits for a person.
    Held(RunId),
    /// Nothing is sent until a person acts.
    Stopped(String),
    /// Exports are being read.
    Planning,
    /// Batches are being delivered.
    Delivering,
    /// Exports could not be read, and are still there.
    Unreadable(u64),
    /// The last snapshot was not taken.
    SnapshotRefused(String),
    /// Everything that is there was dealt with.
    Idle,
}

impl SyncState {
    /// Of a checkpoint, and the number of exports that cannot be read.
    pub fn of(checkpoint: &Checkpoint, unreadable: u64) -> Self {
        if let Some(held) = checkpoint.runs.iter().find(|run| run.phase == RunPhase::Held) {
            return Self::Held(held.run);
        }
        match &checkpoint.phase {
            Phase::Halted { reason } => Self::Stopped(reason.clone()),
            Phase::Planning { .. } => Self::Planning,
            Phase::Idle if !checkpoint.runs.is_empty() => Self::Delivering,
            Phase::Idle if unreadable > 0 => Self::Unreadable(unreadable),
            Phase::Idle => match &checkpoint.snapshot_refused {
                Some((_, reason)) => Self::SnapshotRefused(reason.clone()),
                None => Self::Idle,
            },
        }
    }
}

impl fmt::Display for SyncState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(_) => f.write_str("held for approval"),
            Self::Stopped(reason) => write!(f, "stopped: {reason}"),
            Self::Planning => f.write_str("planning"),
            Self::Delivering => f.write_str("delivering"),
            Self::Unreadable(1) => f.write_str("1 export cannot be read"),
            Self::Unreadable(exports) => write!(f, "{exports} exports cannot be read"),
            Self::SnapshotRefused(reason) => write!(f, "the last snapshot was not taken: {reason}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}
