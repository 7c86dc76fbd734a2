use driftless_core::protocol::{SyncState, failed_exports, load_checkpoint, runs};

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{moment, number, table};
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
        let unread = failed_exports(ports, sync).await.map_err(Failure::failed)?;
        let state = SyncState::of(&checkpoint, unread.len() as u64);
        exit = exit.max(match &state {
            SyncState::Held(_) => Exit::Held,
            SyncState::Stopped(_) | SyncState::Unreadable(_) | SyncState::SnapshotRefused(_) => Exit::Failed,
            SyncState::Planning | SyncState::Delivering | SyncState::Idle => Exit::Done,
        });
        let state = state.to_string();
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
