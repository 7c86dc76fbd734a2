use driftless_core::model::{RunId, RunPhase};
use driftless_core::protocol::{approve, load_checkpoint, reject};

use super::sync::{last_runs, report};
use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::engine::Syncs;
use crate::project::{Access, Place};

/// Lets a held run go, and delivers it, or drops it.
pub async fn run(place: &Place, name: &str, run: Option<u64>, approves: bool, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Work, json).await?;
    let (sync, ports) = project.sync(name)?;
    let checkpoint = load_checkpoint(ports, name).await?;
    let held = checkpoint.runs.iter().find(|open| open.phase == RunPhase::Held).map(|open| open.run);
    let Some(run) = run.map(RunId).or(held) else {
        return Err(Failure::failed(format!("{name} has no held run")));
    };
    let syncs: Syncs = [(name.to_string(), (sync.clone(), ports.clone()))].into();
    let before = last_runs(&syncs).await?;
    let decided = if approves { approve(ports, sync, run).await } else { reject(ports, sync, run).await };
    if !decided.map_err(Failure::failed)? {
        return Err(Failure::failed(format!("run {} of {name} is not held", run.0)));
    }
    if !approves {
        if json {
            print_json(&serde_json::json!({ "sync": name, "run": run.0, "rejected": true }))?;
        } else {
            println!("{name}: run {} is dropped; nothing of it was sent", run.0);
        }
        return Ok(Exit::Done);
    }
    let ended = project.run_until_quiet(&syncs).await?;
    progress.clear();
    report(&syncs, &before, &ended, json).await
}
