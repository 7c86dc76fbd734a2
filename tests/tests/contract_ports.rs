//! Every suite of the ports against memory and against one machine. The AWS ports run the same suites.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use driftless_core::model::{RowKey, RowState, RowStatus, RowVersion};
use driftless_core::ports::{Blobs, Liveness, Put, Queue, QueueName, RowStates, Table};
use driftless_embedded::{EmbeddedError, EmbeddedState, FolderBlobs, FolderExports};
use driftless_testkit::contract::{
    ExportWriter, blobs_contract, export_store_contract, queue_contract, row_states_contract,
    row_states_expiry_contract, table_contract,
};
use driftless_testkit::memory::{ManualClock, MemoryBlobs, MemoryExports, MemoryQueue, MemoryRowStates, MemoryTable};
use futures::executor::block_on;

/// 2026-01-01, a time that SQS and files can have.
const START_MS: i64 = 1_767_225_600_000;

struct OneMachine {
    folder: tempfile::TempDir,
    clock: ManualClock,
}

impl OneMachine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: ManualClock::at(START_MS) }
    }

    fn open(&self) -> Result<EmbeddedState, EmbeddedError> {
        EmbeddedState::open(&self.folder.path().join("state"), Arc::new(self.clock.clone()))
    }
}

#[test]
fn table_in_memory() {
    block_on(table_contract(&MemoryTable::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn table_on_one_machine() {
    let machine = OneMachine::new();
    table_contract(machine.open().unwrap().table.as_ref()).await;
}

#[test]
fn queue_in_memory() {
    let clock = ManualClock::at(START_MS);
    let queue = MemoryQueue::new(Arc::new(clock.clone()));
    block_on(queue_contract(&queue, &clock));
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_on_one_machine() {
    let machine = OneMachine::new();
    queue_contract(machine.open().unwrap().queue.as_ref(), &machine.clock).await;
}

#[test]
fn blobs_in_memory() {
    block_on(blobs_contract(&MemoryBlobs::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_on_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    blobs_contract(&FolderBlobs::new(folder.path().join("blobs"))).await;
}

#[test]
fn row_states_in_memory() {
    block_on(row_states_contract(&MemoryRowStates::new()));
    block_on(row_states_expiry_contract(&MemoryRowStates::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_states_on_one_machine() {
    let machine = OneMachine::new();
    let states = machine.open().unwrap().row_states;
    row_states_contract(states.as_ref()).await;
    row_states_expiry_contract(states.as_ref()).await;
}

#[test]
fn exports_in_memory() {
    let exports = MemoryExports::new();
    block_on(export_store_contract(&exports, &InMemory(exports.clone())));
}

struct InMemory(MemoryExports);

impl ExportWriter for InMemory {
    fn put(&self, key: &str, bytes: &[u8]) {
        self.0.put(key, bytes.to_vec(), START_MS);
    }

    fn delete(&self, key: &str) {
        self.0.delete(key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_on_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    for replaces in [Replaces::ByRename, Replaces::InPlace] {
        let root = folder.path().join(format!("{replaces:?}"));
        std::fs::create_dir(&root).unwrap();
        let exports = FolderExports::new(root.clone());
        export_store_contract(&exports, &InFolder { root, replaces }).await;
    }
}

/// How a program replaces a file.
#[derive(Clone, Copy, Debug)]
enum Replaces {
    ByRename,
    InPlace,
}

struct InFolder {
    root: PathBuf,
    replaces: Replaces,
}

impl ExportWriter for InFolder {
    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.root.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self.replaces {
            Replaces::ByRename => {
                let mut file = tempfile::NamedTempFile::new().unwrap();
                std::io::Write::write_all(&mut file, bytes).unwrap();
                file.persist(path).unwrap();
            }
            Replaces::InPlace => {
                // The kernel counts the time of a change in ticks of up to 10 ms.
                std::thread::sleep(std::time::Duration::from_millis(20));
                std::fs::write(path, bytes).unwrap();
            }
        }
    }

    fn delete(&self, key: &str) {
        std::fs::remove_file(self.root.join(key)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_outlives_the_process() {
    let machine = OneMachine::new();
    let key = RowKey([7; 16]);
    let row_state = RowState {
        status: RowStatus::Live,
        fingerprint: 1,
        revision: 0,
        version: RowVersion::None,
        identity: None,
        expires_at_ms: None,
        folder: None,
    };
    let state = machine.open().unwrap();
    state.table.put("p", "s", None, "t", b"1").await.unwrap();
    state.blobs.put("a/b", "bytes".into()).await.unwrap();
    state.row_states.put("s", &[(key, row_state.clone())]).await.unwrap();
    state.queue.send(QueueName::Plans, vec!["received".into()], 0).await.unwrap();
    state.queue.receive(QueueName::Plans, 1, 600_000).await.unwrap();
    state.queue.send(QueueName::Plans, vec!["delayed".into()], 600_000).await.unwrap();
    let owner = state.instance.owner();
    assert!(!state.instance.is_dead(&owner));
    drop(state);

    let state = machine.open().unwrap();
    assert_eq!(state.table.put("p", "s", Some(1), "t", b"2").await.unwrap(), Put::Done(2));
    assert_eq!(state.blobs.get("a/b").await.unwrap().unwrap(), "bytes");
    assert_eq!(state.row_states.get("s", &[key]).await.unwrap(), [Some(row_state)]);
    assert!(state.instance.is_dead(&owner), "{owner} ran before");
    let again = state.queue.receive(QueueName::Plans, 10, 600_000).await.unwrap();
    assert_eq!(again.len(), 1, "what a dead process had received comes at once, what is delayed does not");
    assert_eq!((again[0].body.as_str(), again[0].received), ("received", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_state_folder() {
    let machine = OneMachine::new();
    let first = machine.open().unwrap();
    let Err(error) = machine.open() else { panic!("the folder is in use") };
    let error = error.to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    // A port that is still held keeps the folder, too.
    let table = first.table.clone();
    drop(first);
    assert!(machine.open().is_err());
    drop(table);
    assert!(machine.open().is_ok());
}
