use std::io::IsTerminal;
use std::sync::Mutex;

use driftless_core::ports::{Observer, Progress};
use indicatif::{ProgressBar, ProgressStyle};

/// One line on a terminal: rows read, planned and delivered, and why it waits. Silent elsewhere.
pub struct TerminalProgress {
    bar: ProgressBar,
    counts: Mutex<(u64, u64, u64)>,
}

impl TerminalProgress {
    /// Shown on standard error if that is a terminal and `wanted`.
    pub fn new(wanted: bool) -> Self {
        let bar = if wanted && std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template(
            "{spinner} [{elapsed_precise}] {wide_bar:.cyan/blue} {pos}/{len} delivered  {msg}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self { bar, counts: Mutex::new((0, 0, 0)) }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for TerminalProgress {
    fn note(&self, progress: Progress<'_>) {
        let Ok(mut counts) = self.counts.lock() else { return };
        match progress {
            Progress::Read { rows, .. } => counts.0 += rows,
            Progress::Planned { rows, .. } => counts.1 += rows,
            Progress::Delivered { rows, .. } => counts.2 += rows,
            // The command says these at its end.
            Progress::Finished { .. } | Progress::Held { .. } | Progress::Stopped { .. } => {}
            Progress::BackingOff { sync, wait_ms, cause } => {
                let text = format!("{sync}: waiting {:.1} s: {cause}", wait_ms as f64 / 1_000.0);
                // Without a terminal a wait is still told: a log that says nothing looks like a hang.
                if self.bar.is_hidden() { eprintln!("{text}") } else { self.bar.println(text) }
            }
        }
        let (read, planned, delivered) = *counts;
        self.bar.set_length(planned);
        self.bar.set_position(delivered);
        self.bar.set_message(format!("{read} rows read"));
    }
}
