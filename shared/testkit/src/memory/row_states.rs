use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use driftless_core::model::{RowKey, RowState};
use driftless_core::ports::{PortError, RowStates};

use super::locked::locked;

type States = BTreeMap<RowKey, RowState>;

/// Row states in a map. Expired ones are returned until they are deleted.
#[derive(Clone, Debug, Default)]
pub struct MemoryRowStates {
    syncs: Arc<Mutex<BTreeMap<String, States>>>,
}

impl MemoryRowStates {
    /// No states.
    pub fn new() -> Self {
        Self::default()
    }

    /// All states of a sync.
    pub fn states(&self, sync: &str) -> BTreeMap<RowKey, RowState> {
        locked(&self.syncs).get(sync).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl RowStates for MemoryRowStates {
    async fn get(&self, sync: &str, keys: &[RowKey]) -> Result<Vec<Option<RowState>>, PortError> {
        let syncs = locked(&self.syncs);
        let states = syncs.get(sync);
        let found = keys.iter().map(|key| states?.get(key).cloned());
        Ok(found.collect())
    }

    async fn put(&self, sync: &str, states: &[(RowKey, RowState)]) -> Result<(), PortError> {
        let mut syncs = locked(&self.syncs);
        let of_sync = syncs.entry(sync.to_string()).or_default();
        of_sync.extend(states.iter().cloned());
        Ok(())
    }

    async fn expire(&self, sync: &str, now_ms: i64, limit: usize) -> Result<usize, PortError> {
        let mut syncs = locked(&self.syncs);
        let Some(states) = syncs.get_mut(sync) else {
            return Ok(0);
        };
        let expired = states.iter().filter(|(_, state)| state.is_expired(now_ms));
        let expired: Vec<RowKey> = expired.map(|(key, _)| *key).take(limit).collect();
        for key in &expired {
            states.remove(key);
        }
        Ok(expired.len())
    }
}
