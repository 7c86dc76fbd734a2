use std::io::{self, Read, Seek, SeekFrom};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use bytes::{Buf, Bytes};
use driftless_core::model::ExportVersion;
use driftless_core::ports::{ExportBytes, ExportError, ExportStore, PortError};
use tokio::runtime::Handle;

use crate::failure::{port_error, status_of};
use crate::s3_list::list_objects;

/// How often a read that broke off goes on from where it was.
const READ_ATTEMPTS_MAX: u32 = 5;
/// A seek over at most this many bytes reads on instead of asking anew.
const READ_OVER_BYTES: u64 = 256 << 10;

/// The exports below a prefix of a bucket. Every read names the version's ETag, so that no read ever mixes two versions
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html, 2026-11).
#[derive(Clone, Debug)]
pub struct S3Exports {
    client: Client,
    bucket: String,
    prefix: String,
}

impl S3Exports {
    /// Exports of a bucket whose keys start with `prefix` (empty, or ending with a slash); the rest of the key names them.
    pub fn new(client: Client, bucket: String, prefix: String) -> Self {
        Self { client, bucket, prefix }
    }
}

#[async_trait]
impl ExportStore for S3Exports {
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
        let (below, after) = (format!("{}{prefix}", self.prefix), after.map(|after| format!("{}{after}", self.prefix)));
        let what = format!("{prefix} of the exports");
        let objects = list_objects(&self.client, &self.bucket, &below, after, limit, &what).await?;
        let version_of = |object: Object| {
            Some(ExportVersion {
                key: object.key?.strip_prefix(&self.prefix)?.to_string(),
                etag: object.e_tag?,
                size_bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                modified_ms: object.last_modified?.to_millis().ok()?,
                version_id: None,
            })
        };
        Ok(objects.into_iter().filter_map(version_of).collect())
    }

    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
        let mut object = S3Object {
            client: self.client.clone(),
            bucket: self.bucket.clone(),
            key: format!("{}{}", self.prefix, version.key),
            etag: version.etag.clone(),
            size_bytes: version.size_bytes,
            runtime: Handle::current(),
            at: 0,
            stream: None,
        };
        match object.get_from(0).await {
            Ok(stream) => object.stream = Some(stream),
            Err(Gone::Changed) => return Err(ExportError::Changed { export: version.key.clone() }),
            Err(Gone::Failed(cause)) => return Err(ExportError::Retry { export: version.key.clone(), cause }),
        }
        Ok(Box::new(object))
    }
}

/// Why an object gives no bytes.
enum Gone {
    Changed,
    Failed(String),
}

/// One version of an object. Bytes are streamed from where reading began; a seek far away asks anew.
struct S3Object {
    client: Client,
    bucket: String,
    key: String,
    etag: String,
    size_bytes: u64,
    runtime: Handle,
    at: u64,
    stream: Option<Stream>,
}

struct Stream {
    body: ByteStream,
    chunk: Bytes,
    at: u64,
}

impl S3Object {
    async fn get_from(&self, at: u64) -> Result<Stream, Gone> {
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key).if_match(&self.etag);
        // An empty object has no range; a whole one needs none.
        let get = if at > 0 { get.range(format!("bytes={at}-")) } else { get };
        match get.send().await {
            Ok(got) => Ok(Stream { body: got.body, chunk: Bytes::new(), at }),
            Err(error) => Err(gone(error)),
        }
    }

    /// Fills `buffer` from `self.at`, where the stream is.
    async fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut attempt = 0;
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) if stream.at <= self.at && self.at - stream.at <= READ_OVER_BYTES => stream,
                _ => match self.get_from(self.at).await {
                    Ok(stream) => stream,
                    Err(Gone::Changed) => return Err(io::Error::other(CHANGED)),
                    Err(Gone::Failed(cause)) => return Err(io::Error::other(cause)),
                },
            };
            let broken = loop {
                if stream.chunk.is_empty() {
                    match stream.body.next().await {
                        Some(Ok(chunk)) => stream.chunk = chunk,
                        Some(Err(error)) => break error.to_string(),
                        None => break "the answer ended early".to_string(),
                    }
                    continue;
                }
                let over = (self.at - stream.at).min(stream.chunk.len() as u64);
                stream.chunk.advance(usize::try_from(over).unwrap_or(0));
                stream.at += over;
                if stream.at == self.at && !stream.chunk.is_empty() {
                    let length = buffer.len().min(stream.chunk.len());
                    stream.chunk.copy_to_slice(&mut buffer[..length]);
                    stream.at += length as u64;
                    self.at += length as u64;
                    self.stream = Some(stream);
                    return Ok(length);
                }
            };
            attempt += 1;
            if attempt == READ_ATTEMPTS_MAX {
                return Err(io::Error::other(broken));
            }
        }
    }
}

const CHANGED: &str = "it was replaced or removed while it was read";

fn gone(error: SdkError<GetObjectError>) -> Gone {
    // 412: another ETag. 404: no object.
    match status_of(&error) {
        Some(412 | 404) => Gone::Changed,
        _ => Gone::Failed(port_error("reading an export", error).to_string()),
    }
}

impl Read for S3Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.at >= self.size_bytes {
            return Ok(0);
        }
        // Reading happens on a thread for work, never on one of the runtime's own.
        let runtime = self.runtime.clone();
        runtime.block_on(self.read_some(buffer))
    }
}

impl Seek for S3Object {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let to = match position {
            SeekFrom::Start(at) => i128::from(at),
            SeekFrom::End(offset) => i128::from(self.size_bytes) + i128::from(offset),
            SeekFrom::Current(offset) => i128::from(self.at) + i128::from(offset),
        };
        self.at = u64::try_from(to).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl ExportBytes for S3Object {
    /// Every byte came under the version's ETag: what was read, was of that version. Whether it is still there matters
    /// only after a read failed.
    fn is_still_pinned(&mut self) -> io::Result<bool> {
        let runtime = self.runtime.clone();
        let head = self.client.head_object().bucket(&self.bucket).key(&self.key).if_match(&self.etag);
        match runtime.block_on(head.send()) {
            Ok(_) => Ok(true),
            Err(error) if matches!(status_of(&error), Some(412 | 404)) => Ok(false),
            Err(error) => Err(io::Error::other(port_error("looking at an export", error))),
        }
    }
}
