use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{Blobs, Response, TransportError};
use driftless_host::Objects;

use crate::folder_blobs::FolderBlobs;

/// Objects as files below the project folder. A file appears whole.
#[derive(Clone, Debug)]
pub struct FolderObjects {
    project: PathBuf,
}

impl FolderObjects {
    /// Below a project folder.
    pub fn new(project: PathBuf) -> Self {
        Self { project }
    }
}

#[async_trait]
impl Objects for FolderObjects {
    async fn put(&self, url: &str, body: Bytes) -> Result<Response, TransportError> {
        let (folder, name) = url.rsplit_once('/').unwrap_or((".", url));
        let blobs = FolderBlobs::new(self.project.join(folder));
        blobs.put(name, body).await.map_err(|error| TransportError::NotSent(error.to_string()))?;
        Ok(Response { status: 200, retry_after_s: None, body: Bytes::new() })
    }
}
