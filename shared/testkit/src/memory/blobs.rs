use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{Blobs, PortError};

use super::locked::locked;

/// Objects in a map.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs {
    objects: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl MemoryBlobs {
    /// No objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// All objects.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        locked(&self.objects).clone()
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError> {
        locked(&self.objects).insert(key.to_string(), bytes);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        Ok(locked(&self.objects).get(key).cloned())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, PortError> {
        let objects = locked(&self.objects);
        let keys = objects
            .range::<str, _>((start(prefix, after), Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix));
        Ok(keys.take(limit).cloned().collect())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        locked(&self.objects).remove(key);
        Ok(())
    }
}

/// Where a listing begins: after `after`, but not before the prefix.
pub(super) fn start<'a>(prefix: &'a str, after: Option<&'a str>) -> Bound<&'a str> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}
