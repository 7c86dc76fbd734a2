//! More row states than are kept in memory: what was sorted into the table and what is still recent make one whole.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use driftless_core::model::{RowKey, RowState, RowStatus, RowVersion};
use driftless_core::ports::RowStates;
use driftless_embedded::EmbeddedState;
use driftless_host::SystemClock;

/// More than twice what is kept in memory.
const ROWS: u64 = 450_000;

/// States in one call.
const CALL: u64 = 30_000;

fn key(number: u64) -> RowKey {
    let parts = [number.to_le_bytes()];
    RowKey::from_parts("many", parts.iter().map(|part| part.as_slice()), &mut Vec::new())
}

fn state(fingerprint: u64) -> RowState {
    RowState {
        status: RowStatus::Live,
        fingerprint,
        revision: 0,
        version: RowVersion::None,
        identity: None,
        expires_at_ms: fingerprint.is_multiple_of(1_000).then_some(1),
        folder: None,
    }
}

#[tokio::test]
async fn every_state_is_the_latest_before_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || EmbeddedState::open(&folder.path().join("state"), Arc::new(SystemClock)).unwrap();
    let opened = open();
    // Every key is put once, and one in three again by the call after the next.
    for call in 0..ROWS / CALL {
        let from = call * CALL;
        let again = from.saturating_sub(2 * CALL);
        let fresh = (from..from + CALL).map(|number| (key(number), state(number)));
        let repeated = (again..again + CALL / 3).map(|number| (key(number), state(number + ROWS)));
        let states: Vec<_> = fresh.chain(repeated).collect();
        opened.row_states.put("s", &states).await.unwrap();
    }
    let keys: Vec<_> = (0..ROWS + 1).map(key).collect();
    let before = opened.row_states.get("s", &keys).await.unwrap();
    let is_repeated = |number: u64| number < ROWS - 2 * CALL && number % CALL < CALL / 3;
    for (number, found) in (0..).zip(&before) {
        let fingerprint = if is_repeated(number) { number + ROWS } else { number };
        let expected = (number < ROWS).then(|| state(fingerprint));
        assert_eq!(*found, expected, "{number}");
    }
    drop(opened);
    let opened = open();
    assert!(opened.row_states.get("s", &keys).await.unwrap() == before);
    let expiring = before.iter().flatten().filter(|state| state.is_expired(1)).count();
    assert_eq!(opened.row_states.expire("s", 1, usize::MAX).await.unwrap(), expiring);
    let after = opened.row_states.get("s", &keys).await.unwrap();
    assert_eq!(after.iter().flatten().count(), ROWS as usize - expiring);
}
