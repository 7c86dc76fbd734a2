//! Sync-now: starts, shows, approves, rejects and cancels runs over HTTP. infra/openapi.yaml describes it.

mod decide;
mod refusal;
mod run_name;
mod show;
mod start;

use std::sync::Arc;

use driftless_aws::{HttpAnswer, HttpRequest, Stack, Trigger, Version, run_function};
use driftless_core::ports::Ports;
use driftless_core::protocol::Sync;
use lambda_runtime::{Error, LambdaEvent};

use crate::refusal::Refusal;

/// A body is empty or `{}`.
const BODY_BYTES_MAX: usize = 1_024;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run_function(std::env::vars().collect(), Trigger::Other, handle).await
}

async fn handle(stack: Arc<Stack>, event: LambdaEvent<HttpRequest>) -> Result<HttpAnswer, Error> {
    let answered = route(&stack, &event.payload).await;
    Ok(answered.unwrap_or_else(|refusal| {
        if refusal.status >= 500 {
            tracing::error!(route = event.payload.route_key, cause = refusal.message, "request failed");
        }
        refusal.answer()
    }))
}

async fn route(stack: &Stack, request: &HttpRequest) -> Result<HttpAnswer, Refusal> {
    check_body(request)?;
    let version = stack.current().await?;
    match request.route_key.as_str() {
        "GET /syncs" => show::syncs(&version).await,
        "GET /syncs/{sync}/runs" => show::runs(request, sync_of(&version, request)?).await,
        "POST /syncs/{sync}/runs" => start::start(request, sync_of(&version, request)?).await,
        "GET /runs/{run}" => show::run(&version, request).await,
        "POST /runs/{run}/approve" => decide::decide(&version, request, decide::Decision::Approve).await,
        "POST /runs/{run}/reject" => decide::decide(&version, request, decide::Decision::Reject).await,
        "POST /runs/{run}/cancel" => decide::decide(&version, request, decide::Decision::Cancel).await,
        _ => Err(Refusal::new(404, "unknown_route", "There is nothing here", "See infra/openapi.yaml for the routes")),
    }
}

/// The sync that the path names, with its ports.
fn sync_of<'a>(version: &'a Version, request: &HttpRequest) -> Result<&'a (Arc<Sync>, Ports), Refusal> {
    find_sync(version, request.path_parameters.get("sync").map_or("", String::as_str))
}

fn find_sync<'a>(version: &'a Version, name: &str) -> Result<&'a (Arc<Sync>, Ports), Refusal> {
    version.syncs.get(name).ok_or_else(|| {
        let known: Vec<&str> = version.syncs.keys().map(String::as_str).collect();
        let remedy = format!("Known: {}", known.join(", "));
        Refusal::new(404, "unknown_sync", "There is no sync of this name", remedy)
    })
}

fn check_body(request: &HttpRequest) -> Result<(), Refusal> {
    let Some(body) = request.body.as_deref().filter(|body| !body.is_empty()) else { return Ok(()) };
    if body.len() > BODY_BYTES_MAX {
        let remedy = format!("Send nothing or {{}}, at most {BODY_BYTES_MAX} bytes");
        return Err(Refusal::new(413, "body_too_large", "The body is too large", remedy));
    }
    let is_empty_object = !request.is_base64_encoded
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(body)
            .is_ok_and(|object| object.is_empty());
    if request.route_key.starts_with("GET ") || is_empty_object {
        return Ok(());
    }
    Err(Refusal::new(400, "bad_body", "The body is not an empty JSON object", "Send nothing or {}"))
}
