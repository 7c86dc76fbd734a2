use std::collections::HashMap;

use bytes::Bytes;
use driftless_core::model::{RowKey, RowState};

/// States that are put before they are sorted into their table: about 50 MB. Fewer would write the table's pages more
/// often, more would take more memory.
const RECENT_MAX: usize = 200_000;

/// Bytes of a state's length.
const LENGTH: usize = size_of::<u32>();

/// Bytes of a key.
const KEY: usize = size_of::<RowKey>();

/// The states of one call as one value: each as its key, its length and its bytes (postcard).
pub(crate) fn pack(states: &[(RowKey, RowState)]) -> postcard::Result<Bytes> {
    let mut packed = Vec::new();
    for (key, state) in states {
        packed.extend_from_slice(&key.0);
        let length_at = packed.len();
        packed.extend_from_slice(&[0; LENGTH]);
        packed = postcard::to_extend(state, packed)?;
        let length = packed.len() - length_at - LENGTH;
        let length = u32::try_from(length).map_err(|_| postcard::Error::SerializeBufferFull)?;
        packed[length_at..][..LENGTH].copy_from_slice(&length.to_le_bytes());
    }
    Ok(Bytes::from(packed))
}

fn unpack(mut packed: Bytes) -> Option<Vec<(RowKey, Bytes)>> {
    let mut states = Vec::new();
    while !packed.is_empty() {
        let key = RowKey(packed.get(..KEY)?.try_into().ok()?);
        let length = packed.get(KEY..KEY + LENGTH)?.try_into().ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
        let end = (KEY + LENGTH).checked_add(length)?;
        if packed.len() < end {
            return None;
        }
        let state = packed.split_to(end).split_off(KEY + LENGTH);
        states.push((key, state));
    }
    Some(states)
}

/// States that were put and not yet sorted into their table, as they are stored, by sync.
#[derive(Default)]
pub(crate) struct RecentStates {
    syncs: HashMap<String, HashMap<RowKey, Bytes>>,
    put: usize,
    last: i64,
    soonest_expiry_ms: Option<i64>,
}

impl RecentStates {
    /// Adds what [`pack`] made, stored under `number`; later states replace earlier ones. `None` if something else made it.
    /// `expires_at_ms` is when the first of them expires.
    pub fn add(&mut self, number: i64, sync: &str, packed: Bytes, expires_at_ms: Option<i64>) -> Option<()> {
        let states = unpack(packed)?;
        self.put += states.len();
        self.last = number;
        self.note_expiry(expires_at_ms);
        let of_sync = match self.syncs.get_mut(sync) {
            Some(of_sync) => of_sync,
            None => self.syncs.entry(sync.to_string()).or_default(),
        };
        of_sync.extend(states);
        Some(())
    }

    /// The states of a sync.
    pub fn of(&self, sync: &str) -> Option<&HashMap<RowKey, Bytes>> {
        self.syncs.get(sync)
    }

    /// Whether it is time to sort them into their table.
    pub fn is_full(&self) -> bool {
        self.put >= RECENT_MAX
    }

    /// Whether there are so many that sorting the ones before has to be waited for.
    pub fn is_overfull(&self) -> bool {
        self.put >= 2 * RECENT_MAX
    }

    fn note_expiry(&mut self, at_ms: Option<i64>) {
        self.soonest_expiry_ms = [self.soonest_expiry_ms, at_ms].into_iter().flatten().min();
    }

    /// Whether any of them may have expired.
    pub fn may_expire(&self, now_ms: i64) -> bool {
        self.soonest_expiry_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }

    /// Number of the newest.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Adds states that are newer.
    pub fn extend(&mut self, newer: RecentStates) {
        for (sync, states) in newer.syncs {
            self.syncs.entry(sync).or_default().extend(states);
        }
        self.put += newer.put;
        self.last = self.last.max(newer.last);
        self.note_expiry(newer.soonest_expiry_ms);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.put == 0
    }

    /// All of them, by sync and in key order: neighbours share a page of the table.
    pub fn sorted(&self) -> Vec<(String, Vec<(RowKey, Bytes)>)> {
        let syncs = self.syncs.iter().map(|(sync, states)| {
            let states = states.iter().map(|(key, state)| (*key, state.clone()));
            let mut states: Vec<_> = states.collect();
            states.sort_unstable_by_key(|(key, _)| *key);
            (sync.clone(), states)
        });
        syncs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_value_is_not_taken_for_states() {
        let mut packed = vec![1; KEY];
        packed.extend_from_slice(&3u32.to_le_bytes());
        packed.extend_from_slice(b"abc");
        let states = unpack(Bytes::from(packed.clone())).unwrap();
        assert_eq!(states, [(RowKey([1; 16]), Bytes::from_static(b"abc"))]);
        for length in 1..packed.len() {
            assert!(unpack(Bytes::from(packed[..length].to_vec())).is_none(), "{length}");
        }
    }
}
