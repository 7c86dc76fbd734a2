//! How many events of a user or device are taken.

use std::collections::{BTreeMap, VecDeque};

use super::limits::{EVENTS_PER_30_S, EVENTS_PER_DAY};

const WINDOW_MS: i64 = 30_000;
const DAY_MS: i64 = 86_400_000;

/// What was taken of each id lately.
#[derive(Debug, Clone)]
pub struct Throttle {
    /// Events in 30 s.
    pub per_30_s: u64,
    /// Events in 24 hours.
    pub per_day: u64,
    taken: BTreeMap<String, VecDeque<(i64, u64)>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { per_30_s: EVENTS_PER_30_S, per_day: EVENTS_PER_DAY, taken: BTreeMap::new() }
    }
}

/// Why an id's events are not taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too many in 30 s.
    Now,
    /// Too many in a day.
    Today,
}

impl Throttle {
    /// With other limits, for trying out what happens at them.
    pub fn new(per_30_s: u64, per_day: u64) -> Self {
        Self { per_30_s, per_day, taken: BTreeMap::new() }
    }

    /// Whether `count` more events of an id would be too many.
    pub fn is_full(&self, id: &str, count: u64, now_ms: i64) -> Option<Full> {
        let within = |window_ms: i64| -> u64 {
            let taken = self.taken.get(id).into_iter().flatten();
            taken.filter(|(at_ms, _)| now_ms - at_ms < window_ms).map(|(_, count)| count).sum()
        };
        if within(DAY_MS) + count > self.per_day {
            Some(Full::Today)
        } else if within(WINDOW_MS) + count > self.per_30_s {
            Some(Full::Now)
        } else {
            None
        }
    }

    /// Notes events of an id that were taken.
    pub fn take(&mut self, id: &str, count: u64, now_ms: i64) {
        let taken = self.taken.entry(id.to_owned()).or_default();
        taken.push_back((now_ms, count));
        while taken.front().is_some_and(|(at_ms, _)| now_ms - at_ms >= DAY_MS) {
            taken.pop_front();
        }
    }
}
