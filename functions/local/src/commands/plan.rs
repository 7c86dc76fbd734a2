use driftless_core::protocol::{SeenUsers, dry_run};

use super::{chosen, open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::print_plan;
use crate::project::{Access, Place};

/// Shows what a sync would do. Changes nothing anywhere.
pub async fn run(place: &Place, sync: Option<String>, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Look, json).await?;
    let mut exit = Exit::Done;
    let (mut all, seen_users) = (Vec::new(), SeenUsers::default());
    for name in chosen(&project, &sync)? {
        let (sync, ports) = project.sync(name)?;
        let told = dry_run(ports, sync, &seen_users).await.map_err(|e| Failure::failed(format!("{name}: {e}")))?;
        let plans = told.plans;
        progress.clear();
        if plans.iter().any(|plan| !plan.failed_exports.is_empty()) {
            exit = exit.max(Exit::Failed);
        } else if plans.iter().any(|plan| !plan.holds.is_empty()) {
            exit = exit.max(Exit::Held);
        } else if plans.iter().any(|plan| plan.counts.rejected > 0) {
            exit = exit.max(Exit::Quarantine);
        }
        if json {
            all.push(serde_json::json!({ "sync": name, "plans": plans, "note": told.note }));
        } else {
            print_plan(name, sync.config.kind, &plans, told.note.as_deref());
        }
    }
    if json {
        print_json(&all)?;
    }
    Ok(exit)
}
