use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driftless_core::ports::Ids;

/// Step of splitmix64, the golden ratio of 2^64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Tokens and jitter that follow from a seed. Clones draw from the same sequence.
#[derive(Clone, Debug)]
pub struct CountingIds {
    seed: u64,
    state: Arc<AtomicU64>,
}

impl CountingIds {
    /// The sequence of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: Arc::new(AtomicU64::new(seed)) }
    }

    fn next(&self) -> u64 {
        mix(self.state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP))
    }
}

impl Ids for CountingIds {
    /// No two of one sequence are equal, because splitmix64 is a permutation; those of two seeds differ in the first half.
    fn token(&self) -> String {
        format!("{:016x}{:016x}", self.seed, self.next())
    }

    fn jitter(&self, below: u64) -> u64 {
        self.next().checked_rem(below).unwrap_or(0)
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equal_tokens_and_none_twice() {
        let draw = |seed| {
            let ids = CountingIds::seeded(seed);
            (0..100).map(|_| ids.token()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let both: std::collections::BTreeSet<_> = draw(1).into_iter().chain(draw(2)).collect();
        assert_eq!(both.len(), 200);
    }

    #[test]
    fn the_first_number_of_seed_zero_is_that_of_the_reference() {
        assert_eq!(CountingIds::seeded(0).next(), 0xe220_a839_7b1d_cdaf);
    }
}
