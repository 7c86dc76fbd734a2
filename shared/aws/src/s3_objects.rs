use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use driftless_core::ports::{Response, TransportError};
use driftless_host::Objects;

/// Objects in buckets that are not the stack's own: `s3://BUCKET/KEY`.
#[derive(Clone, Debug)]
pub struct S3Objects {
    client: Client,
}

impl S3Objects {
    /// With the function's own permissions.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, url: &str, body: Bytes) -> Result<Response, TransportError> {
        let Some((bucket, key)) = url.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) else {
            return Err(TransportError::Credentials(format!(
                "mutation_files.to is no bucket (s3://BUCKET/PREFIX/), which the functions need: {url}"
            )));
        };
        let put = self.client.put_object().bucket(bucket).key(key).body(ByteStream::from(body)).send().await;
        let status = match put {
            Ok(_) => 200,
            Err(error) if matches!(error.code(), Some("AccessDenied" | "AllAccessDisabled")) => 403,
            Err(error) if error.code() == Some("NoSuchBucket") => {
                return Err(TransportError::Credentials(format!("there is no bucket {bucket}")));
            }
            // Written or not: the same object under the same name does no harm.
            Err(error) => {
                return Err(TransportError::Ambiguous(format!(
                    "writing to bucket {bucket}: {}",
                    error.code().unwrap_or("no answer")
                )));
            }
        };
        Ok(Response { status, retry_after_s: None, body: Bytes::new() })
    }
}
