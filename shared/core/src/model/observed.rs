use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::UserSample;

/// Counters kept by [`Observed`] for the hot-shard check. A user with more than 1/4096 of a run's events is certain to be
/// among them (Misra-Gries), so that 200,000 events of one user and day are found in any run of up to 800 million rows.
pub const HOT_SHARD_SLOTS: usize = 4096;

/// Names are kept up to just above the largest soft limit of a destination (Mixpanel: 5,000).
const EVENT_NAMES_KEPT: usize = 5_001;

/// What passes by while rows are encoded and is worth a warning. Bounded, whatever the rows are.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Distinct event names, up to just above the limit.
    pub event_names: BTreeSet<String>,
    /// Strings that were cut to the destination's limit, per column.
    pub truncated: BTreeMap<String, u64>,
    /// Whether a time had no zone.
    pub bare_times: bool,
    /// Users that rows name.
    pub users: UserSample,
    hot: HashMap<(u64, i64), u64>,
}

impl Observed {
    /// Notes one event of a user on a day.
    pub fn event(&mut self, name: &str, user: u64, day: i64) {
        if !self.event_names.contains(name) && self.event_names.len() < EVENT_NAMES_KEPT {
            self.event_names.insert(name.to_string());
        }
        *self.hot.entry((user, day)).or_insert(0) += 1;
        if self.hot.len() > HOT_SHARD_SLOTS {
            self.shrink();
        }
    }

    /// Merges what another part of the run saw.
    pub fn merge(&mut self, other: Observed) {
        self.bare_times |= other.bare_times;
        self.users.merge(&other.users);
        for name in other.event_names {
            if self.event_names.len() < EVENT_NAMES_KEPT {
                self.event_names.insert(name);
            }
        }
        for (column, count) in other.truncated {
            *self.truncated.entry(column).or_insert(0) += count;
        }
        for (key, count) in other.hot {
            *self.hot.entry(key).or_insert(0) += count;
        }
        while self.hot.len() > HOT_SHARD_SLOTS {
            self.shrink();
        }
    }

    /// Users (by hash) and days with more than `limit` events.
    pub fn hot_shards(&self, limit: u64) -> usize {
        self.hot.values().filter(|count| **count > limit).count()
    }

    /// Lowers every counter by the smallest one and forgets what reaches zero.
    fn shrink(&mut self) {
        let least = self.hot.values().copied().min().unwrap_or(0);
        self.hot.retain(|_, count| {
            *count -= least;
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_user_is_found_among_many_light_ones() {
        let mut observed = Observed::default();
        for n in 0..100_000u64 {
            observed.event("e", n, 1);
            if n % 10 == 0 {
                observed.event("e", 1_000_000, 1);
            }
        }
        assert_eq!(observed.hot_shards(5_000), 1);
    }
}
