use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{Response, TransportError};

/// Where payloads go that are no HTTP requests: a folder, or a bucket.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Writes an object whole, or not at all; the same again does no harm. Status 200, or 403 if it is not allowed.
    async fn put(&self, url: &str, body: Bytes) -> Result<Response, TransportError>;
}
