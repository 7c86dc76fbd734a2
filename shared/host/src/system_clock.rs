use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use driftless_core::ports::Clock;

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_ms(&self, duration_ms: i64) {
        let duration_ms = u64::try_from(duration_ms).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
    }
}
