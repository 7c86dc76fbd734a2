use driftless_core::ports::{Observer, Progress};

/// Writes progress into the log: names and counts, never what is in a row.
pub struct LogObserver;

impl Observer for LogObserver {
    fn note(&self, progress: Progress<'_>) {
        match progress {
            // Every block would be a line.
            Progress::Read { .. } => {}
            Progress::Planned { sync, rows, batches } => tracing::info!(sync, rows, batches, "planned"),
            Progress::Delivered { sync, rows } => tracing::info!(sync, rows, "delivered"),
            Progress::BackingOff { sync, wait_ms, cause } => tracing::warn!(sync, wait_ms, cause, "backing off"),
        }
    }
}
