use driftless_core::model::{Phase, RunPhase};
use driftless_core::protocol::{failed_exports, load_checkpoint, runs};

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{count, moment, number, table};
use crate::project::{Access, Place};

/// Shows where every sync stands.
pub async fn run(place: &Place, json: bool) -> Result<Exit, Failure> {
    let (project, _) = open(place, Access::Look, json).await?;
    let mut rows = table(&[
        "sync",
        "mode",
        "destination",
        "state",
        "last run",
        "finished (UTC)",
        "open runs",
        "live rows in ledger",
    ]);
    let mut all = Vec::new();
    let mut exit = Exit::Done;
    for (name, (sync, ports)) in &project.syncs {
        let checkpoint = load_checkpoint(ports, name).await?;
        let history = runs(ports, name, None).await?;
        let finished = history.iter().rev().find_map(|run| run.finished_at_ms);
        let held = checkpoint.runs.iter().any(|run| run.phase == RunPhase::Held);
        let unread = failed_exports(ports, sync).await.map_err(Failure::failed)?;
        let state = match &checkpoint.phase {
            _ if held => {
                exit = exit.max(Exit::Held);
                "held for approval".to_string()
            }
            Phase::Halted { reason } => {
                exit = exit.max(Exit::Failed);
                format!("stopped: {reason}")
            }
            Phase::Planning { .. } => "planning".to_string(),
            Phase::Idle if !checkpoint.runs.is_empty() => "delivering".to_string(),
            Phase::Idle if !unread.is_empty() => {
                exit = exit.max(Exit::Failed);
                format!("{} cannot be read", count(unread.len() as u64, "export"))
            }
            Phase::Idle => match &checkpoint.snapshot_refused {
                Some((_, reason)) => {
                    exit = exit.max(Exit::Failed);
                    format!("the last snapshot was not taken: {reason}")
                }
                None => "idle".to_string(),
            },
        };
        rows.add_row([
            name.clone(),
            sync.config.mode.name().to_string(),
            sync.config.destination.clone(),
            state.clone(),
            checkpoint.last_run.to_string(),
            finished.map(moment).unwrap_or_else(|| "never".to_string()),
            checkpoint.runs.len().to_string(),
            number(checkpoint.ledger_live),
        ]);
        all.push(serde_json::json!({ "sync": name, "state": state, "checkpoint": checkpoint }));
    }
    if json {
        print_json(&all)?
    } else {
        println!("{rows}")
    }
    Ok(exit)
}
