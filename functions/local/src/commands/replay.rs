use driftless_core::model::ExportVersion;
use driftless_core::protocol::{Replay, read_quarantine, replay};

use super::sync::{last_runs, report};
use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::engine::Syncs;
use crate::project::{Access, Place};

/// Quarantine files replayed at once.
const FILES_MAX: usize = 10_000;
/// Exports listed in one page.
const PAGE: usize = 1_000;

/// Sends quarantined rows again, as the exports and the configuration are now. Rows of exports that changed since are
/// left alone: the new version was, or will be, planned as such.
pub async fn run(place: &Place, name: &str, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Work, json).await?;
    let (sync, ports) = project.sync(name)?;
    let files = read_quarantine(ports, name, FILES_MAX).await?;
    let mut wanted = Replay::default();
    let mut gone = 0u64;
    for file in &files {
        wanted.replaces.push(file.blob.clone());
        for row in &file.rows {
            if !wanted.exports.contains_key(&row.export) {
                let Some(version) = current(ports, &row.export).await?.filter(|v| v.etag == row.etag) else {
                    gone += 1;
                    continue;
                };
                wanted.exports.insert(row.export.clone(), (version, Default::default()));
            }
            if let Some((_, rows)) = wanted.exports.get_mut(&row.export)
                && row.row > 0
            {
                rows.insert(row.row - 1);
            }
        }
    }
    if wanted.exports.is_empty() {
        let text =
            format!("{name}: nothing to replay; {gone} quarantined rows are of exports that changed or are gone");
        if json {
            print_json(&serde_json::json!({ "runs": [], "note": text }))?
        } else {
            println!("{text}")
        }
        return Ok(Exit::Done);
    }
    let syncs: Syncs = [(name.to_string(), (sync.clone(), ports.clone()))].into();
    let before = last_runs(&syncs).await?;
    if replay(ports, sync, wanted).await.map_err(Failure::failed)?.is_none() {
        return Err(Failure::failed(format!("{name} has an open run; run driftless sync {name} first")));
    }
    let ended = project.run_until_quiet(&syncs).await?;
    progress.clear();
    if gone > 0 && !json {
        println!("{gone} quarantined rows are of exports that changed or are gone; they were left out");
    }
    report(&syncs, &before, &ended, json).await
}

async fn current(ports: &driftless_core::ports::Ports, key: &str) -> Result<Option<ExportVersion>, Failure> {
    let page = ports.exports.list(key, None, PAGE).await?;
    Ok(page.into_iter().find(|version| version.key == key))
}
