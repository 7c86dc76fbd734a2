use driftless_core::ports::Compute;

/// Runs each job at once, where it was started.
#[derive(Clone, Copy, Debug, Default)]
pub struct InlineCompute;

impl Compute for InlineCompute {
    fn start(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn width(&self) -> usize {
        1
    }
}
