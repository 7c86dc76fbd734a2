use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use driftless_core::ports::Ids;

/// Tokens and jitter from keys that the operating system drew at the start, and a counter.
#[derive(Debug, Default)]
pub struct RandomIds {
    high: RandomState,
    low: RandomState,
    drawn: AtomicU64,
}

impl RandomIds {
    /// Fresh keys.
    pub fn new() -> Self {
        Self::default()
    }

    fn next(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::Relaxed)
    }
}

impl Ids for RandomIds {
    /// 128 bits in hex.
    fn token(&self) -> String {
        let number = self.next();
        let (high, low) = (self.high.hash_one(number), self.low.hash_one(number));
        format!("{high:016x}{low:016x}")
    }

    fn jitter(&self, below: u64) -> u64 {
        self.low.hash_one(self.next()).checked_rem(below).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tokens_differ_within_and_between_processes() {
        let (one, other) = (RandomIds::new(), RandomIds::new());
        let tokens: BTreeSet<String> = (0..1_000).flat_map(|_| [one.token(), other.token()]).collect();
        assert_eq!(tokens.len(), 2_000);
    }

    #[test]
    fn jitter_stays_below_its_bound() {
        let ids = RandomIds::new();
        assert!((0..1_000).all(|_| ids.jitter(7) < 7));
        assert_eq!(ids.jitter(0), 0);
    }
}
