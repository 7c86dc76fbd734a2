use async_trait::async_trait;

/// Time. The only one the core knows.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Milliseconds since the epoch; may differ by seconds between two workers.
    fn now_ms(&self) -> i64;
    /// Waits.
    async fn sleep_ms(&self, duration_ms: i64);
}

/// Fresh names and jitter: the only randomness the core knows. Nothing that is sent depends on it.
pub trait Ids: Send + Sync {
    /// A token that no one else draws.
    fn token(&self) -> String;
    /// A number from 0 to `below` - 1, for jitter.
    fn jitter(&self, below: u64) -> u64;
}

/// Who works here, and whose leases need not be waited for.
pub trait Liveness: Send + Sync {
    /// The name that claims are made under.
    fn owner(&self) -> String;
    /// Whether that owner is certainly gone (an earlier process of a machine that runs one at a time).
    fn is_dead(&self, owner: &str) -> bool;
}
