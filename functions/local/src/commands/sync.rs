use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use driftless_core::config::Schedule;
use driftless_core::model::{RunId, RunRecord, RunStatus};
use driftless_core::protocol::{failed_exports, load_checkpoint, runs};

use super::{chosen, open, print_json};
use crate::cli::{Exit, Failure};
use crate::engine::{Ended, Syncs, run_pending};
use crate::output::{count, print_rejected, print_runs};
use crate::project::{Access, OpenProject, Place};

/// How often `--watch` looks at the exports.
const WATCH: Duration = Duration::from_secs(5);

/// Brings the destination up to date.
pub async fn run(place: &Place, sync: Option<String>, watch: bool, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Work, json).await?;
    let names = chosen(&project, &sync)?;
    let syncs: Syncs =
        names.iter().filter_map(|n| project.syncs.get_key_value(*n)).map(|(n, s)| (n.clone(), s.clone())).collect();
    let before = last_runs(&syncs).await?;
    let ended = project.run_until_quiet(&syncs).await?;
    progress.clear();
    let exit = report(&syncs, &before, &ended, json).await?;
    if !watch {
        return Ok(exit);
    }
    watch_forever(&project, syncs, json).await
}

async fn watch_forever(project: &OpenProject, syncs: Syncs, json: bool) -> Result<Exit, Failure> {
    let mut started: BTreeMap<String, Instant> = syncs.keys().map(|name| (name.clone(), Instant::now())).collect();
    loop {
        tokio::select! {
            _ = tokio::time::sleep(WATCH) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
        let due: Syncs = syncs
            .iter()
            .filter(|(name, (sync, _))| {
                let since = started[*name].elapsed();
                match sync.config.schedule {
                    Schedule::OnChange => true,
                    Schedule::Manual => false,
                    Schedule::Hourly => since >= Duration::from_secs(3_600),
                    Schedule::Daily => since >= Duration::from_secs(86_400),
                }
            })
            .map(|(name, sync)| (name.clone(), sync.clone()))
            .collect();
        let before = last_runs(&due).await?;
        let ended = run_pending(&project.ports, &due).await.map_err(Failure::failed)?;
        for name in due.keys() {
            started.insert(name.clone(), Instant::now());
        }
        if !new_runs(&due, &before).await?.is_empty() || !ended.errors.is_empty() {
            report(&due, &before, &ended, json).await?;
        }
    }
}

/// The last run of each sync.
pub async fn last_runs(syncs: &Syncs) -> Result<BTreeMap<String, RunId>, Failure> {
    let mut last = BTreeMap::new();
    for (name, (_, ports)) in syncs {
        let checkpoint = load_checkpoint(ports, name).await?;
        // Runs that were open at the start end in this report.
        let first_open = checkpoint.runs.first().map(|open| RunId(open.run.0 - 1));
        last.insert(name.clone(), first_open.unwrap_or(RunId(checkpoint.last_run)));
    }
    Ok(last)
}

/// Runs after these.
pub async fn new_runs(syncs: &Syncs, before: &BTreeMap<String, RunId>) -> Result<Vec<RunRecord>, Failure> {
    let mut all = Vec::new();
    for (name, (_, ports)) in syncs {
        all.extend(runs(ports, name, before.get(name).copied()).await?);
    }
    Ok(all)
}

/// Exports that could not be read and are still there, with the sync: they stay in every report until they are replaced
/// or removed.
pub async fn unread_exports(syncs: &Syncs) -> Result<Vec<(String, String, String)>, Failure> {
    let mut unread = Vec::new();
    for (name, (sync, ports)) in syncs {
        for failed in failed_exports(ports, sync).await.map_err(Failure::failed)? {
            unread.push((name.clone(), failed.version.key, failed.reason));
        }
    }
    Ok(unread)
}

/// Prints what came of a sync and says how it ended.
pub async fn report(
    syncs: &Syncs,
    before: &BTreeMap<String, RunId>,
    ended: &Ended,
    json: bool,
) -> Result<Exit, Failure> {
    let done = new_runs(syncs, before).await?;
    let unread = unread_exports(syncs).await?;
    let failed = !unread.is_empty() || !ended.errors.is_empty();
    let exit = if failed {
        Exit::Failed
    } else if done.iter().any(|run| run.status == RunStatus::Held)
        || ended.waiting.iter().any(|(_, w)| w.contains("held"))
    {
        Exit::Held
    } else if done.iter().any(|run| run.counts.rejected > 0) {
        Exit::Quarantine
    } else {
        Exit::Done
    };
    if json {
        print_json(
            &serde_json::json!({ "runs": done, "errors": ended.errors, "unread_exports": unread, "waiting": ended.waiting }),
        )?;
        return Ok(exit);
    }
    for name in syncs.keys() {
        let of_sync: Vec<RunRecord> = done.iter().filter(|run| run.sync == *name).cloned().collect();
        if of_sync.is_empty() {
            println!("{name}: nothing new, 0 {}s sent", syncs[name].0.config.kind.noun());
            continue;
        }
        let sent = of_sync.iter().map(|run| run.settled.events_sent).sum();
        println!("{name}: {} sent", count(sent, syncs[name].0.config.kind.noun()));
        print_runs(&of_sync);
        for run in &of_sync {
            print_rejected(run.plan.rejected_first.iter());
            for hold in run.plan.holds.iter().filter(|_| run.status == RunStatus::Held) {
                println!(
                    "held for approval: {hold}. Run driftless plan {name} to look, then driftless approve {name} or driftless reject {name}"
                );
            }
        }
        let rejected: u64 = of_sync.iter().map(|run| run.counts.rejected).sum();
        if rejected > 0 {
            println!(
                "{} in quarantine: driftless failures {name} lists them, driftless replay {name} sends them again",
                count(rejected, "row")
            );
        }
    }
    for (name, export, reason) in &unread {
        println!("{name}: cannot be read: {export}: {reason}");
    }
    for (name, reason) in &ended.waiting {
        println!("{name}: waiting: {reason}");
    }
    for (name, reason) in &ended.errors {
        println!("{name}: stopped: {reason}");
    }
    Ok(exit)
}
