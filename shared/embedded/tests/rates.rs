//! How fast the state of one machine is. Run by hand: `cargo test --release -p driftless-embedded --test rates -- --ignored --nocapture`
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use driftless_core::model::{Identity, RowKey, RowState, RowStatus, RowVersion};
use driftless_core::ports::{Blobs, RowStates, Table};
use driftless_embedded::EmbeddedState;
use driftless_host::SystemClock;

const ROWS: u64 = 1_000_000;

fn key(number: u64) -> RowKey {
    RowKey::from_parts("rates", [number.to_le_bytes().as_slice()].into_iter(), &mut Vec::new())
}

fn state(number: u64, identity: bool, expires_at_ms: Option<i64>) -> RowState {
    RowState {
        status: RowStatus::Live,
        fingerprint: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        revision: 0,
        version: RowVersion::Number(1_700_000_000_000 + i128::from(number)),
        identity: identity.then(|| Identity {
            event: "Purchase Completed".to_string(),
            distinct_id: format!("user-{number}"),
            time_ms: 1_700_000_000_000 + number as i64,
            insert_id: key(number).to_hex(),
        }),
        expires_at_ms,
        folder: None,
    }
}

fn open(folder: &tempfile::TempDir) -> EmbeddedState {
    EmbeddedState::open(&folder.path().join("state"), Arc::new(SystemClock)).unwrap()
}

fn report(what: &str, count: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what:<58} {:>10.0} /s", count as f64 / seconds);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn row_states() {
    for (name, identity, expires) in
        [("mirror", true, None), ("append", false, None), ("append with a window", false, Some(1_700_000_000_000))]
    {
        let folder = tempfile::tempdir().unwrap();
        let state_folder = open(&folder);
        let states = &state_folder.row_states;
        let mut all: Vec<_> = (0..ROWS).map(|n| (key(n), state(n, identity, expires))).collect();
        all.sort_by_key(|(key, _)| *key);
        // Half of the table comes first, so that the second half goes between existing rows.
        let (first, second): (Vec<_>, Vec<_>) = all.iter().cloned().enumerate().partition(|(n, _)| n % 2 == 0);
        let plain = |half: Vec<(usize, (RowKey, RowState))>| half.into_iter().map(|(_, s)| s).collect::<Vec<_>>();
        let (first, second) = (plain(first), plain(second));
        let started = Instant::now();
        states.put("s", &first).await.unwrap();
        report(&format!("{name}: put 500k sorted into an empty table"), ROWS / 2, started);
        let started = Instant::now();
        states.put("s", &second).await.unwrap();
        report(&format!("{name}: put 500k sorted between others"), ROWS / 2, started);
        let started = Instant::now();
        // SQLite does not write what is equal: an overwritten state must differ.
        for (_, state) in &mut all {
            state.fingerprint ^= 1;
        }
        states.put("s", &all).await.unwrap();
        report(&format!("{name}: put 1M sorted over others"), ROWS, started);

        let keys: Vec<_> = all.iter().map(|(key, _)| *key).collect();
        for pass in ["first", "second"] {
            let started = Instant::now();
            let found = states.get("s", &keys).await.unwrap();
            report(&format!("{name}: get 1M sorted, {pass} pass"), ROWS, started);
            assert!(found.iter().zip(&all).all(|(found, (_, put))| found.as_ref() == Some(put)));
        }
        let started = Instant::now();
        for keys in keys.chunks(1_000) {
            states.get("s", keys).await.unwrap();
        }
        report(&format!("{name}: get 1M sorted, 1,000 a call"), ROWS, started);
        let sparse: Vec<_> = keys.iter().step_by(50).copied().collect();
        let started = Instant::now();
        states.get("s", &sparse).await.unwrap();
        report(&format!("{name}: get 20k sorted, spread over 1M"), ROWS / 50, started);
        let mut absent: Vec<_> = (ROWS..2 * ROWS).map(key).collect();
        absent.sort();
        let started = Instant::now();
        let found = states.get("s", &absent).await.unwrap();
        report(&format!("{name}: get 1M sorted, all absent"), ROWS, started);
        assert!(found.iter().all(Option::is_none));
        // Each call touches a thousand pages: what a feed costs whose batches are not sorted among each other.
        for (what, from) in [("old", 0), ("new", 2 * ROWS)] {
            let spread: Vec<_> = (from..from + 300_000)
                .map(|n| (key(n), state(n + 1, identity, expires.map(|at| at + n as i64))))
                .collect();
            let started = Instant::now();
            for states_of_batch in spread.chunks(1_000) {
                states.put("s", states_of_batch).await.unwrap();
            }
            report(&format!("{name}: put 300k {what}, 1,000 a call, spread"), 300_000, started);
        }
        let started = Instant::now();
        states.get("s", &keys).await.unwrap();
        report(&format!("{name}: get 1M sorted, recent ones between"), ROWS, started);
        if expires.is_some() {
            let started = Instant::now();
            states.expire("s", i64::MAX, 100_000).await.unwrap();
            report(&format!("{name}: expire 100k"), 100_000, started);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn blobs_and_table() {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(open(&folder));
    let body = Bytes::from(vec![7; 300 << 10]);
    for width in [1, 8] {
        let started = Instant::now();
        let workers: Vec<_> = (0..width)
            .map(|worker| {
                let (state, body) = (state.clone(), body.clone());
                tokio::spawn(async move {
                    for n in 0..512 / width {
                        state.blobs.put(&format!("{width}/{worker}/{n}"), body.clone()).await.unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        report(&format!("put blobs of 300 KB, {width} at a time"), 512, started);
    }
    for width in [1, 8] {
        let started = Instant::now();
        let workers: Vec<_> = (0..width)
            .map(|worker| {
                let state = state.clone();
                tokio::spawn(async move {
                    for n in 0..400 / width {
                        state.table.put(&format!("{width}"), &format!("{worker}/{n}"), None, "t", b"{}").await.unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        report(&format!("put items, {width} at a time"), 400, started);
    }
}
