use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use driftless_core::ports::{Blobs, PortError};

use crate::failure::{is_code, port_error};
use crate::s3_list::list_objects;

/// The state bucket. S3 has an object whole or not at all, and has it on several disks before it answers.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    client: Client,
    bucket: String,
}

impl S3Blobs {
    /// The bucket of that name.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes)).send().await;
        put.map_err(|error| port_error(format!("writing {key}"), error))?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        let got = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(got) => got,
            Err(error) if is_code(&error, &["NoSuchKey"]) => return Ok(None),
            Err(error) => return Err(port_error(format!("reading {key}"), error)),
        };
        let body = got.body.collect().await.map_err(|error| PortError::retry(format!("reading {key}"), error))?;
        Ok(Some(body.into_bytes()))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, PortError> {
        let after = after.map(String::from);
        let objects = list_objects(&self.client, &self.bucket, prefix, after, limit, prefix).await?;
        Ok(objects.into_iter().filter_map(|object| object.key).collect())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map_err(|error| port_error(format!("deleting {key}"), error))?;
        Ok(())
    }
}
