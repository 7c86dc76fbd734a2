use driftless_aws::{HttpAnswer, HttpRequest, Version};
use driftless_core::protocol::{approve, load_run, reject, stop};
use serde_json::json;

use crate::find_sync;
use crate::refusal::Refusal;
use crate::run_name::RunName;
use crate::show::unknown_run;

/// What a person decides about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let a held run go.
    Approve,
    /// Drop a held run.
    Reject,
    /// Stop a run that is being delivered, or drop a held one.
    Cancel,
}

/// Carries a decision out, once: a second one finds the run in another state.
pub async fn decide(version: &Version, request: &HttpRequest, decision: Decision) -> Result<HttpAnswer, Refusal> {
    let name = RunName::parse(request.path_parameters.get("run").map_or("", String::as_str))?;
    let (sync, ports) = find_sync(version, &name.sync)?;
    let Some(known) = load_run(ports, &name.sync, name.run).await? else { return Err(unknown_run()) };
    let status = match decision {
        Decision::Approve => approve(ports, sync, name.run).await?.then_some("delivering"),
        Decision::Reject => reject(ports, sync, name.run).await?.then_some("rejected"),
        Decision::Cancel if reject(ports, sync, name.run).await? => Some("rejected"),
        Decision::Cancel => stop(ports, sync, name.run).await?.then_some("stopped"),
    };
    let full_name = format!("{}:{}", name.sync, name.run.0);
    let Some(status) = status else {
        let (code, remedy) = match decision {
            Decision::Approve | Decision::Reject => ("not_held", "Only a held run can be approved or rejected"),
            Decision::Cancel => ("not_open", "Only a run that is held or delivering can be cancelled"),
        };
        let is = serde_json::to_value(known.status)
            .map_err(|error| Refusal::new(500, "failed", error.to_string(), "Report this as a defect"))?;
        return Err(Refusal::new(409, code, format!("{full_name} is {}", is.as_str().unwrap_or_default()), remedy));
    };
    tracing::info!(sync = name.sync, run = name.run.0, ?decision, status, "decided by a request");
    Ok(HttpAnswer::json(200, &json!({ "run": full_name, "status": status })))
}
