use std::sync::{Arc, Mutex};

use futures::channel::oneshot;
use futures::future::BoxFuture;

use super::PortError;

/// Where CPU-bound work runs: a thread pool, or at once in the simulation.
pub trait Compute: Send + Sync {
    /// Starts the job now; it runs to its end whether or not anyone waits.
    fn start(&self, job: Box<dyn FnOnce() + Send>);

    /// How many jobs are worth having under way.
    fn width(&self) -> usize;
}

/// Starts a job now and returns a future of its result. A job that panicked is an error, not a panic.
pub fn run_on<T: Send + 'static>(
    compute: &Arc<dyn Compute>,
    job: impl FnOnce() -> T + Send + 'static,
) -> BoxFuture<'static, Result<T, PortError>> {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    compute.start(Box::new(move || {
        let result = job();
        if let Ok(mut sender) = sender.lock()
            && let Some(sender) = sender.take()
        {
            // Nobody waiting is fine: the caller was cancelled.
            let _ = sender.send(result);
        }
    }));
    Box::pin(async move {
        receiver.await.map_err(|_| PortError::retry("work on a block", "the job ended without a result"))
    })
}
