use std::sync::Arc;

use driftless_aws::{HttpAnswer, HttpRequest, Version};
use driftless_core::model::{RunId, RunRecord};
use driftless_core::ports::Ports;
use driftless_core::protocol::{Sync, SyncState, failed_exports, load_checkpoint, load_run};
use serde_json::{Value, json};

use crate::find_sync;
use crate::refusal::Refusal;
use crate::run_name::RunName;

/// Runs of a page, unless the caller names another number, and at most.
const RUNS: u64 = 20;
const RUNS_MAX: u64 = 100;
/// The largest number of a client that has signed ones only.
const BEFORE_MAX: u64 = i64::MAX as u64;

/// Where every sync stands.
pub async fn syncs(version: &Version) -> Result<HttpAnswer, Refusal> {
    let mut all = Vec::new();
    for (name, (sync, ports)) in &version.syncs {
        let checkpoint = load_checkpoint(ports, name).await?;
        let unread = failed_exports(ports, sync).await?;
        all.push(json!({
            "name": name,
            "mode": sync.config.mode.name(),
            "destination": sync.config.destination,
            "state": SyncState::of(&checkpoint, unread.len() as u64).to_string(),
            "last_run": checkpoint.last_run,
            "open_runs": checkpoint.runs.len(),
            "ledger_live": checkpoint.ledger_live,
        }));
    }
    Ok(HttpAnswer::json(200, &json!({ "syncs": all })))
}

/// The latest runs of a sync, newest first: numbers count down from the last one.
pub async fn runs(request: &HttpRequest, (sync, ports): &(Arc<Sync>, Ports)) -> Result<HttpAnswer, Refusal> {
    let limit = number(request, "limit", 1, RUNS_MAX)?.unwrap_or(RUNS);
    let before = number(request, "before", 1, BEFORE_MAX)?.unwrap_or(BEFORE_MAX);
    let last = load_checkpoint(ports, sync.name()).await?.last_run;
    let newest = last.min(before - 1);
    let mut found = Vec::new();
    for run in (1..=newest).rev().take(usize::try_from(limit).unwrap_or(0)) {
        found.extend(load_run(ports, sync.name(), RunId(run)).await?.map(|run| named(&run)));
    }
    Ok(HttpAnswer::json(200, &json!({ "runs": found })))
}

/// One run.
pub async fn run(version: &Version, request: &HttpRequest) -> Result<HttpAnswer, Refusal> {
    let name = RunName::parse(request.path_parameters.get("run").map_or("", String::as_str))?;
    let (_, ports) = find_sync(version, &name.sync)?;
    match load_run(ports, &name.sync, name.run).await? {
        Some(run) => Ok(HttpAnswer::json(200, &named(&run))),
        None => Err(unknown_run()),
    }
}

/// A run under the name that every route takes, beside its number.
fn named(run: &RunRecord) -> Value {
    let mut named = json!(run);
    named["number"] = json!(run.run);
    named["run"] = json!(format!("{}:{}", run.sync, run.run.0));
    named
}

pub fn unknown_run() -> Refusal {
    Refusal::new(404, "unknown_run", "There is no run of this number", "See GET /syncs/{sync}/runs for those there are")
}

fn number(request: &HttpRequest, name: &str, least: u64, most: u64) -> Result<Option<u64>, Refusal> {
    let Some(text) = request.query_string_parameters.get(name) else { return Ok(None) };
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let value = text.parse().ok().filter(|value| is_number && (least..=most).contains(value));
    let remedy = format!("Write a whole number from {least} to {most}");
    value
        .map(Some)
        .ok_or_else(|| Refusal::new(400, "bad_parameter", format!("{name} is not of the right shape"), remedy))
}
