//! `_started_` and `_committed_` of Databricks, which say which of a folder's files count
//! (docs.databricks.com/en/archive/legacy/dbio-commit.html, 2026-11).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::ProtocolError;
use super::manifest::read_small;
use super::snapshot::Snapshot;
use crate::model::ExportVersion;
use crate::ports::Ports;

const STARTED: &str = "_started_";
const COMMITTED: &str = "_committed_";

/// What a job did to its folder.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Committed {
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
}

/// Whether an object marks the begin or end of a job.
pub(super) fn is_commit_marker(name: &str) -> bool {
    [STARTED, COMMITTED].iter().any(|start| name.strip_prefix(start).is_some_and(is_number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Takes the files that finished jobs added and none removed, and those of folders without markers. A job that began and
/// did not finish is waited for; what is there of it is not read.
pub(super) async fn read_commits(
    ports: &Ports,
    markers: &[ExportVersion],
    snapshot: &mut Snapshot,
) -> Result<(), ProtocolError> {
    let mut jobs: BTreeMap<&str, (BTreeSet<&str>, BTreeMap<&str, &ExportVersion>)> = BTreeMap::new();
    for marker in markers {
        let (folder, name) = split(&marker.key);
        let (started, committed) = jobs.entry(folder).or_default();
        if let Some(job) = name.strip_prefix(STARTED) {
            started.insert(job);
        } else if let Some(job) = name.strip_prefix(COMMITTED) {
            committed.insert(job, marker);
        }
    }
    let mut live: BTreeSet<String> = BTreeSet::new();
    for (folder, (started, committed)) in &jobs {
        if let Some(job) = started.iter().find(|job| !committed.contains_key(*job)) {
            snapshot.waits_for = Some(format!("job {job} in {folder} began and has not committed"));
            return Ok(());
        }
        let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for marker in committed.values() {
            let refuse =
                || ProtocolError::Halt(format!("{} is no list of files; remove it or unload anew", marker.key));
            let text = read_small(ports, marker).await?.ok_or_else(refuse)?;
            let job: Committed = serde_json::from_str(&text).map_err(|_| refuse())?;
            added.extend(job.added);
            removed.extend(job.removed);
        }
        live.extend(added.difference(&removed).map(|name| format!("{folder}{name}")));
    }
    snapshot.exports.retain(|export| !jobs.contains_key(split(&export.key).0) || live.contains(&export.key));
    let there: BTreeSet<&String> = snapshot.exports.iter().map(|export| &export.key).collect();
    if let Some(missing) = live.iter().find(|key| !there.contains(key)) {
        snapshot.waits_for = Some(format!("{missing} was committed and is not there yet"));
    } else if snapshot.exports.iter().all(|export| jobs.contains_key(split(&export.key).0)) {
        snapshot.proof = Some("_committed_ markers list every file".to_string());
    }
    Ok(())
}

fn split(key: &str) -> (&str, &str) {
    key.split_at(key.rfind('/').map_or(0, |at| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_have_a_number() {
        assert!(is_commit_marker("_started_6207829417403797312") && is_commit_marker("_committed_62"));
        assert!(!is_commit_marker("_committed_vacuum12") && !is_commit_marker("_SUCCESS"));
    }
}
