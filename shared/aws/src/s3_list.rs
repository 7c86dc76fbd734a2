use aws_sdk_s3::Client;
use aws_sdk_s3::types::Object;
use driftless_core::ports::PortError;

use crate::failure::port_error;

/// Keys of one ListObjectsV2 answer (docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, 2026-11).
const LIST_MAX: usize = 1_000;

/// Objects whose key starts with `prefix`, in key order, after the key `after`, at most `limit`. `what` is listed, in
/// words for an error.
pub(crate) async fn list_objects(
    client: &Client,
    bucket: &str,
    prefix: &str,
    after: Option<String>,
    limit: usize,
    what: &str,
) -> Result<Vec<Object>, PortError> {
    let mut objects: Vec<Object> = Vec::new();
    while objects.len() < limit {
        let wanted = (limit - objects.len()).min(LIST_MAX);
        let page = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .max_keys(i32::try_from(wanted).unwrap_or(i32::MAX))
            .set_start_after(objects.last().and_then(|object| object.key.clone()).or_else(|| after.clone()))
            .send()
            .await
            .map_err(|error| port_error(format!("listing {what}"), error))?;
        let more = page.is_truncated.unwrap_or(false);
        objects.extend(page.contents.unwrap_or_default());
        if !more {
            break;
        }
    }
    Ok(objects)
}
