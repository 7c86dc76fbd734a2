//! The suites of the ports against the AWS ports, on the emulator.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use driftless_aws::{DynamoRowStates, DynamoTable, QueueUrls, S3Blobs, S3Exports, SqsQueue, StackMeter};
use driftless_host::{RandomIds, SystemClock};
use driftless_testkit::contract::{
    ExportWriter, blobs_contract, export_store_contract, queue_contract, row_states_contract, table_contract,
};
use driftless_tests::aws::{Account, Emulator};
use tokio::runtime::Handle;

fn account() -> Option<Account> {
    Emulator::running().map(Emulator::account)
}

fn meter() -> Arc<StackMeter> {
    Arc::new(StackMeter::new(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn table_in_dynamodb() {
    let Some(account) = account() else { return };
    let table = account.table("state").await;
    table_contract(&DynamoTable::new(account.dynamodb(), table, meter())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_states_in_dynamodb() {
    let Some(account) = account() else { return };
    let table = account.table("state").await;
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds::new()));
    row_states_contract(&DynamoRowStates::new(account.dynamodb(), table, clock, ids, meter())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_in_sqs() {
    let Some(account) = account() else { return };
    let urls = QueueUrls {
        notices: account.queue("notices").await,
        plans: account.queue("plans").await,
        batches: account.queue("batches").await,
    };
    queue_contract(&SqsQueue::new(account.sqs(), urls), &SystemClock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_in_s3() {
    let Some(account) = account() else { return };
    let bucket = account.bucket("blobs").await;
    blobs_contract(&S3Blobs::new(account.s3(), bucket)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_in_s3() {
    let Some(account) = account() else { return };
    for prefix in ["", "warehouse/"] {
        let bucket = account.bucket(if prefix.is_empty() { "exports" } else { "exports-below" }).await;
        let writer = InBucket { account: account.clone(), bucket, prefix, runtime: Handle::current() };
        let store = S3Exports::new(account.s3(), writer.bucket.clone(), prefix.to_string());
        // Reading blocks, which it may only on a thread that is not the runtime's own.
        let runtime = Handle::current();
        let suite = std::thread::spawn(move || {
            let _runtime = runtime.enter();
            futures::executor::block_on(export_store_contract(&store, &writer));
        });
        tokio::task::spawn_blocking(move || suite.join().unwrap()).await.unwrap();
    }
}

struct InBucket {
    account: Account,
    bucket: String,
    prefix: &'static str,
    runtime: Handle,
}

impl ExportWriter for InBucket {
    fn put(&self, key: &str, bytes: &[u8]) {
        let put = self.account.s3().put_object().bucket(&self.bucket).key(format!("{}{key}", self.prefix));
        self.runtime.block_on(put.body(bytes.to_vec().into()).send()).unwrap();
    }

    fn delete(&self, key: &str) {
        let delete = self.account.s3().delete_object().bucket(&self.bucket).key(format!("{}{key}", self.prefix));
        self.runtime.block_on(delete.send()).unwrap();
    }
}
