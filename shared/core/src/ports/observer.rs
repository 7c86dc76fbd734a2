use crate::model::{HoldReason, RunId, RunRecord};

/// Something that happened, for progress bars and logs. Counts and names only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress<'a> {
    /// Rows were read.
    Read {
        /// Sync.
        sync: &'a str,
        /// Rows.
        rows: u64,
    },
    /// A plan was committed.
    Planned {
        /// Sync.
        sync: &'a str,
        /// Rows that will be sent.
        rows: u64,
        /// Batches.
        batches: u32,
    },
    /// A batch was settled.
    Delivered {
        /// Sync.
        sync: &'a str,
        /// Rows.
        rows: u64,
    },
    /// A run was finished; told once, or not at all if its teller dies.
    Finished {
        /// Sync.
        sync: &'a str,
        /// Its report.
        report: &'a RunRecord,
    },
    /// A run waits for a person.
    Held {
        /// Sync.
        sync: &'a str,
        /// Run.
        run: RunId,
        /// Why.
        holds: &'a [HoldReason],
    },
    /// A sync stopped until a person acts.
    Stopped {
        /// Sync.
        sync: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A destination asked to slow down or did not answer.
    BackingOff {
        /// Sync.
        sync: &'a str,
        /// For how long.
        wait_ms: i64,
        /// Why.
        cause: &'a str,
    },
}

/// Who is told.
pub trait Observer: Send + Sync {
    /// Takes note; must not block.
    fn note(&self, progress: Progress<'_>);
}

/// Takes no note.
pub struct Silent;

impl Observer for Silent {
    fn note(&self, _: Progress<'_>) {}
}
