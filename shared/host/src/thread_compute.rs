use std::num::NonZero;

use driftless_core::ports::Compute;
use tokio::runtime::Handle;

/// CPU-bound work on the blocking threads of a runtime.
#[derive(Clone, Debug)]
pub struct ThreadCompute {
    runtime: Handle,
    width: usize,
}

impl ThreadCompute {
    /// Works on the threads of `runtime`. Three jobs a processor are worth having under way: results are taken in order,
    /// so that one slow job would otherwise hold back the decoding of the next blocks.
    pub fn new(runtime: Handle) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { runtime, width: processors * 3 }
    }
}

impl Compute for ThreadCompute {
    fn start(&self, job: Box<dyn FnOnce() + Send>) {
        // Nobody joins it: what the job does tells who waits.
        drop(self.runtime.spawn_blocking(job));
    }

    fn width(&self) -> usize {
        self.width
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use driftless_core::ports::run_on;

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_an_error() {
        let compute: Arc<dyn Compute> = Arc::new(ThreadCompute::new(Handle::current()));
        assert_eq!(run_on(&compute, || 2 + 2).await, Ok(4));
        assert!(run_on(&compute, || -> u8 { panic!("on purpose") }).await.is_err());
    }
}
