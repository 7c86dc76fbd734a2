use driftless_core::protocol::runs;

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::print_runs;
use crate::project::{Access, Place};

/// Shows the latest runs of a sync.
pub async fn run(place: &Place, name: &str, limit: usize, json: bool) -> Result<Exit, Failure> {
    let (project, _) = open(place, Access::Look, json).await?;
    let (_, ports) = project.sync(name)?;
    let mut history = runs(ports, name, None).await?;
    let latest = history.split_off(history.len().saturating_sub(limit));
    if json {
        print_json(&latest)?;
    } else if latest.is_empty() {
        println!("{name}: no run yet");
    } else {
        print_runs(&latest);
    }
    Ok(Exit::Done)
}
