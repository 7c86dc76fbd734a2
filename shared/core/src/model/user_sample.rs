use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fingerprint;

/// Hashes kept: with 512 a share of one half is measured to about 2 points (one standard deviation), in 10 KB of JSON.
const USERS_KEPT: usize = 512;

/// A sample of users by their hashes: the smallest ones there are. Two samples that were taken apart hold the same users
/// where both saw them, so that they tell how many users two tables share (bottom-k sketch: Cohen and Kaplan, 2007).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserSample {
    hashes: BTreeSet<u64>,
}

/// How many users that events name have a profile, among those that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserOverlap {
    /// Users with events that were looked at.
    pub users: u32,
    /// Of these, users with a profile.
    pub with_profile: u32,
    /// Whether they are all there are.
    pub all: bool,
}

impl UserSample {
    /// Notes a user.
    pub fn add(&mut self, user: &str) {
        let hash = fingerprint(user.as_bytes());
        if hash < self.bound() && self.hashes.insert(hash) && self.hashes.len() > USERS_KEPT {
            self.hashes.pop_last();
        }
    }

    /// Merges what another part of the rows named.
    pub fn merge(&mut self, other: &UserSample) {
        self.hashes.extend(&other.hashes);
        while self.hashes.len() > USERS_KEPT {
            self.hashes.pop_last();
        }
    }

    /// Whether no user was noted.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// How many of these users are among others.
    pub fn within(&self, others: &UserSample) -> UserOverlap {
        // Above the smaller bound one of the two does not know.
        let bound = self.bound().min(others.bound());
        let known: Vec<&u64> = self.hashes.iter().take_while(|hash| **hash < bound).collect();
        UserOverlap {
            users: known.len() as u32,
            with_profile: known.iter().filter(|hash| others.hashes.contains(hash)).count() as u32,
            all: bound == u64::MAX,
        }
    }

    /// Below it every user that was noted is kept.
    fn bound(&self) -> u64 {
        match self.hashes.last() {
            Some(last) if self.hashes.len() == USERS_KEPT => *last,
            _ => u64::MAX,
        }
    }
}

impl UserOverlap {
    /// Users without a profile above which ids are taken for different ones.
    pub const USERS_MIN: u32 = 20;

    /// Users with a profile, in percent.
    pub fn percent(&self) -> u32 {
        (u64::from(self.with_profile) * 100 / u64::from(self.users.max(1))) as u32
    }

    /// Whether so few have one that the ids of events and profiles may not be the same.
    pub fn is_low(&self) -> bool {
        self.users >= Self::USERS_MIN && self.percent() < 50
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(users: std::ops::Range<u32>) -> UserSample {
        let mut sample = UserSample::default();
        users.for_each(|n| sample.add(&format!("user-{n}")));
        sample
    }

    #[test]
    fn few_users_are_counted() {
        let overlap = sample(0..100).within(&sample(25..200));
        assert_eq!(overlap, UserOverlap { users: 100, with_profile: 75, all: true });
    }

    #[test]
    fn many_users_are_measured() {
        for (from, expected) in [(0, 100), (25_000, 75), (90_000, 10), (100_000, 0)] {
            let overlap = sample(0..100_000).within(&sample(from..from + 300_000));
            assert!(overlap.users > 100 && !overlap.all, "{overlap:?}");
            assert!(overlap.percent().abs_diff(expected) <= 8, "{expected}: {overlap:?}");
        }
    }

    #[test]
    fn parts_make_the_same_sample_as_the_whole() {
        let mut parts = sample(50_000..90_000);
        parts.merge(&sample(0..60_000));
        assert_eq!(parts, sample(0..90_000));
    }
}
