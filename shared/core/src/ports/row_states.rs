use async_trait::async_trait;

use super::PortError;
use crate::model::{RowKey, RowState};

/// The insert_id items: one row state per key of an append or change feed.
#[async_trait]
pub trait RowStates: Send + Sync {
    /// States of the keys, in their order. Keys that are sorted are found faster.
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError>;

    /// Writes states. Either order of two equal writes gives the same result; a failed call may have written some.
    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError>;

    /// Deletes up to `limit` states that expired before `now_ms`; returns how many.
    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError>;
}
