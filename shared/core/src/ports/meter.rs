use crate::model::Usage;

/// Counts what is billed by use.
pub trait Meter: Send + Sync {
    /// What this worker used since the last call of this: nothing is counted twice, and what a run uses after its own
    /// last count is found by the worker's next.
    fn take(&self) -> Usage;
}

/// Of a machine whose use nobody bills.
pub struct Unmetered;

impl Meter for Unmetered {
    fn take(&self) -> Usage {
        Usage::default()
    }
}
