/// Something that happened, for progress bars and logs. Counts and names only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
