use std::sync::Arc;

use driftless_aws::{HttpAnswer, HttpRequest};
use driftless_core::ports::Ports;
use driftless_core::protocol::{Sync, start as start_sync};
use serde_json::json;

use crate::refusal::Refusal;

/// Longest name of a start.
const KEY_BYTES_MAX: usize = 128;

/// Starts a sync under the caller's Idempotency-Key.
pub async fn start(request: &HttpRequest, (sync, ports): &(Arc<Sync>, Ports)) -> Result<HttpAnswer, Refusal> {
    let key = request.headers.get("idempotency-key").map_or("", String::as_str);
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::new(
            400,
            "bad_header",
            "The header Idempotency-Key is missing or not of the right shape",
            "Send 1 to 128 printable characters without blanks, another key for another start",
        ));
    }
    let started = start_sync(ports, sync, key).await?;
    tracing::info!(sync = sync.name(), status = ?started.status, "started by a request");
    let mut answer = json!({ "sync": sync.name(), "status": started.status, "request": key });
    if let Some(run) = started.run {
        answer["run"] = json!(format!("{}:{}", sync.name(), run.0));
    }
    Ok(HttpAnswer::json(202, &answer))
}
