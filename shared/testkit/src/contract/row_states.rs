#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use driftless_core::model::{FolderId, Identity, RowKey, RowState, RowStatus, RowVersion};
use driftless_core::ports::RowStates;
use futures::future::join_all;

/// States of the large check: more than one request of any store takes.
const MANY: u32 = 5_000;

/// The suite of [`RowStates`].
pub async fn row_states_contract(states: &dyn RowStates) {
    unknown_keys_are_none(states).await;
    every_field_comes_back(states).await;
    results_have_the_order_of_the_keys(states).await;
    the_last_write_counts(states).await;
    the_last_of_one_call_counts(states).await;
    writing_nothing_is_fine(states).await;
    many_states_at_once(states).await;
    concurrent_writers_are_apart(states).await;
    syncs_are_independent(states).await;
    states_come_back_after_their_time(states).await;
}

/// The suite of [`RowStates::expire`], for an implementation that deletes by itself; DynamoDB's table does it.
pub async fn row_states_expiry_contract(states: &dyn RowStates) {
    syncs_expire_independently(states).await;
    expired_states_are_returned_until_they_are_deleted(states).await;
    no_more_than_the_limit_expires(states).await;
    a_state_that_was_renewed_does_not_expire(states).await;
}

async fn unknown_keys_are_none(states: &dyn RowStates) {
    assert!(states.get("unknown", &[]).await.unwrap().is_empty());
    assert_eq!(states.get("unknown", &[key(1), key(2)]).await.unwrap(), [None, None]);
}

async fn every_field_comes_back(states: &dyn RowStates) {
    let full = RowState {
        status: RowStatus::Rejected,
        fingerprint: u64::MAX,
        revision: u32::MAX,
        version: RowVersion::Delivery { export: "a/ü.csv".to_string(), row: u64::MAX },
        identity: Some(Identity {
            event: "Purchase \u{0} Completed".to_string(),
            distinct_id: String::new(),
            time_ms: i64::MIN,
            insert_id: key(1).to_hex(),
        }),
        expires_at_ms: Some(i64::MAX),
        folder: Some(FolderId(u64::MAX)),
    };
    let mut deleted = state(0);
    deleted.status = RowStatus::Deleted;
    deleted.version = RowVersion::Number(i128::MIN);
    let mut bare = state(1);
    bare.version = RowVersion::None;
    let put = [(key(1), full), (key(2), deleted), (key(3), bare)];
    states.put("fields", &put).await.unwrap();
    let got = states.get("fields", &[key(1), key(2), key(3)]).await.unwrap();
    assert_eq!(got, put.map(|(_, state)| Some(state)));
}

async fn results_have_the_order_of_the_keys(states: &dyn RowStates) {
    let put: Vec<_> = [5, 1, 3].map(|number| (key(number), state(number))).into();
    states.put("order", &put).await.unwrap();
    let got = states.get("order", &[3, 9, 1, 5, 3].map(key)).await.unwrap();
    assert_eq!(got, [Some(state(3)), None, Some(state(1)), Some(state(5)), Some(state(3))]);
}

async fn the_last_write_counts(states: &dyn RowStates) {
    for number in [1, 2, 2] {
        states.put("overwrite", &[(key(1), state(number))]).await.unwrap();
    }
    assert_eq!(states.get("overwrite", &[key(1)]).await.unwrap(), [Some(state(2))]);
}

async fn the_last_of_one_call_counts(states: &dyn RowStates) {
    let put = [(key(1), state(1)), (key(0), state(0)), (key(1), state(2))];
    states.put("twice", &put).await.unwrap();
    assert_eq!(states.get("twice", &[key(1)]).await.unwrap(), [Some(state(2))]);
}

async fn writing_nothing_is_fine(states: &dyn RowStates) {
    states.put("nothing", &[]).await.unwrap();
}

async fn many_states_at_once(states: &dyn RowStates) {
    let put: Vec<_> = (0..MANY).map(|number| (key(number), state(number))).collect();
    states.put("many", &put).await.unwrap();
    // Every other key is unknown.
    let keys: Vec<_> =
        (0..2 * MANY).map(|number| key(if number % 2 == 0 { number / 2 } else { number + MANY })).collect();
    let got = states.get("many", &keys).await.unwrap();
    assert_eq!(got.len(), keys.len());
    for (number, found) in (0..).zip(got) {
        let expected = (number % 2 == 0).then(|| state(number / 2));
        assert_eq!(found, expected, "key {number}");
    }
}

async fn concurrent_writers_are_apart(states: &dyn RowStates) {
    let batches: Vec<Vec<_>> =
        (0..8).map(|writer| (0..200).map(|number| (key(writer * 200 + number), state(number))).collect()).collect();
    for put in join_all(batches.iter().map(|batch| states.put("race", batch))).await {
        put.unwrap();
    }
    let keys: Vec<_> = (0..1_600).map(key).collect();
    let got = states.get("race", &keys).await.unwrap();
    assert!(got.iter().all(Option::is_some));
}

async fn syncs_are_independent(states: &dyn RowStates) {
    states.put("one", &[(key(1), state(1))]).await.unwrap();
    states.put("other", &[(key(1), state(2))]).await.unwrap();
    assert_eq!(states.get("one", &[key(1)]).await.unwrap(), [Some(state(1))]);
    assert_eq!(states.get("other", &[key(1)]).await.unwrap(), [Some(state(2))]);
}

/// The caller compares the time: an implementation may keep them longer.
async fn states_come_back_after_their_time(states: &dyn RowStates) {
    states.put("late", &[(key(1), expiring(1, 2_000_000_000_000))]).await.unwrap();
    assert_eq!(states.get("late", &[key(1)]).await.unwrap(), [Some(expiring(1, 2_000_000_000_000))]);
}

async fn syncs_expire_independently(states: &dyn RowStates) {
    states.put("mine", &[(key(1), expiring(1, 10))]).await.unwrap();
    states.put("yours", &[(key(1), expiring(2, 10))]).await.unwrap();
    assert_eq!(states.expire("mine", 20, 10).await.unwrap(), 1);
    assert_eq!(states.get("mine", &[key(1)]).await.unwrap(), [None]);
    assert_eq!(states.get("yours", &[key(1)]).await.unwrap(), [Some(expiring(2, 10))]);
}

async fn expired_states_are_returned_until_they_are_deleted(states: &dyn RowStates) {
    let put = [(key(1), expiring(1, 10)), (key(2), expiring(2, 30)), (key(3), state(3))];
    states.put("expire", &put).await.unwrap();
    let keys = [key(1), key(2), key(3)];
    let all = put.map(|(_, state)| Some(state));
    assert_eq!(states.get("expire", &keys).await.unwrap(), all, "the caller compares the time");
    assert_eq!(states.expire("expire", 9, 10).await.unwrap(), 0);
    assert_eq!(states.expire("expire", 20, 10).await.unwrap(), 1);
    let left = [None, all[1].clone(), all[2].clone()];
    assert_eq!(states.get("expire", &keys).await.unwrap(), left);
    assert_eq!(states.expire("expire", i64::MAX, 10).await.unwrap(), 1, "some never expire");
    assert_eq!(states.expire("never heard of", i64::MAX, 10).await.unwrap(), 0);
}

async fn no_more_than_the_limit_expires(states: &dyn RowStates) {
    let put: Vec<_> = (0..50).map(|number| (key(number), expiring(number, 10))).collect();
    states.put("limit", &put).await.unwrap();
    let mut left = 50;
    while left > 0 {
        let expired = states.expire("limit", 20, 20).await.unwrap();
        assert!((1..=20).contains(&expired), "{expired} of {left} expired at a limit of 20");
        left -= expired;
    }
    assert_eq!(states.expire("limit", 20, 20).await.unwrap(), 0);
}

async fn a_state_that_was_renewed_does_not_expire(states: &dyn RowStates) {
    states.put("renew", &[(key(1), expiring(1, 10)), (key(2), expiring(2, 10))]).await.unwrap();
    states.put("renew", &[(key(1), expiring(1, 30)), (key(2), state(2))]).await.unwrap();
    assert_eq!(states.expire("renew", 20, 10).await.unwrap(), 0);
    assert_eq!(states.expire("renew", 40, 10).await.unwrap(), 1);
}

fn key(number: u32) -> RowKey {
    RowKey::from_parts("contract", std::iter::once(number.to_le_bytes().as_slice()), &mut Vec::new())
}

fn state(number: u32) -> RowState {
    RowState {
        status: RowStatus::Live,
        fingerprint: u64::from(number),
        revision: 0,
        version: RowVersion::Number(i128::from(number)),
        identity: None,
        expires_at_ms: None,
        folder: None,
    }
}

fn expiring(number: u32, expires_at_ms: i64) -> RowState {
    RowState { expires_at_ms: Some(expires_at_ms), ..state(number) }
}
