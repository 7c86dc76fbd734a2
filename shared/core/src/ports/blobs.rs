use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;

/// The state bucket: immutable objects by key.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Writes an object whole. When it returns, the object outlives a crash. Writing a key again replaces it:
    /// keys contain the run and attempt, so that only equal content ever meets.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError>;

    /// Reads an object whole; `None` if there is none.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError>;

    /// Keys that start with `prefix`, in order, after `after`, at most `limit`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, PortError>;

    /// Deletes an object; deleting a missing one succeeds.
    async fn delete(&self, key: &str) -> Result<(), PortError>;
}
