use std::collections::BTreeMap;

use super::databricks_commits::{is_commit_marker, read_commits};
use super::delta_log::{is_log, read_delta_log};
use super::limits::PAGE;
use super::manifest::read_manifest;
use super::names;
use super::stale_shards::leave_out_stale;
use super::store::decode;
use super::{ProtocolError, Sync};
use crate::config::Complete;
use crate::model::{Checkpoint, ExportVersion};
use crate::ports::{PortError, Ports};

/// What a snapshot consists of right now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Its exports, in key order.
    pub exports: Vec<ExportVersion>,
    /// Why it is known to be complete; without a reason nothing is deleted.
    pub proof: Option<String>,
    /// Why it cannot be planned yet.
    pub waits_for: Option<String>,
    /// Shards of an earlier unload, which are not read.
    pub stale: Vec<String>,
}

impl Snapshot {
    /// Names this set of bytes, and whether it was proven complete.
    pub fn digest(&self) -> String {
        let proof = if self.proof.is_some() { "complete" } else { "open" };
        format!("{}-{proof}", ExportVersion::digest_of(&self.exports))
    }
}

/// Exports of a feed that are not consumed, in key order, at most `limit`. Compares metadata only.
pub(super) async fn feed_candidates(
    ports: &Ports,
    sync: &Sync,
    checkpoint: &Checkpoint,
    limit: usize,
) -> Result<Vec<ExportVersion>, PortError> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ports.exports.list(&sync.config.source.prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        let consumed = consumed_between(ports, sync.name(), after.as_deref().unwrap_or(""), &last.key).await?;
        after = Some(last.key.clone());
        for version in page {
            let is_consumed = consumed.get(&version.key).is_some_and(|c| c.is_same(&version))
                || checkpoint
                    .runs
                    .iter()
                    .any(|run| run.exports[..run.consumed as usize].iter().any(|e| e.is_same(&version)));
            if !is_consumed && !ports.formats.is_control_file(&version.key) {
                found.push(version);
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
    }
}

async fn consumed_between(
    ports: &Ports,
    sync: &str,
    after: &str,
    last: &str,
) -> Result<BTreeMap<String, ExportVersion>, PortError> {
    let partition = names::consumed_partition(sync);
    let mut after = after.to_string();
    let mut found = BTreeMap::new();
    loop {
        let page = ports.table.list(&partition, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (key, item) in page {
            if key.as_str() > last {
                return Ok(found);
            }
            found.insert(key.clone(), decode("a consumed export", &item.body)?);
            after = key;
        }
        if !full {
            return Ok(found);
        }
    }
}

/// The snapshot under a sync's prefix and what proves it complete.
pub(super) async fn snapshot_of(ports: &Ports, sync: &Sync, by_person: bool) -> Result<Snapshot, ProtocolError> {
    let (mut exports, mut log, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    let (mut manifest, mut success): (Option<ExportVersion>, Option<ExportVersion>) = (None, None);
    let mut after: Option<String> = None;
    loop {
        let page = ports.exports.list(&sync.config.source.prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for version in page {
            let name = version.key.rsplit('/').next().unwrap_or_default();
            if is_log(&version.key) {
                log.push(version);
            } else if name.ends_with("manifest") {
                manifest = Some(version);
            } else if name == "_SUCCESS" {
                success = Some(version);
            } else if is_commit_marker(name) {
                commits.push(version);
            } else if !ports.formats.is_control_file(&version.key) {
                exports.push(version);
            }
        }
    }
    if !log.is_empty() {
        return delta_snapshot(ports, exports, &log).await;
    }
    let newest = exports.iter().map(|e| e.modified_ms).max().unwrap_or(i64::MIN);
    let success = success.filter(|s| s.modified_ms >= newest);
    let mut snapshot = Snapshot { exports, ..Snapshot::default() };
    if !commits.is_empty() {
        read_commits(ports, &commits, &mut snapshot).await?;
        if snapshot.waits_for.is_some() {
            return Ok(snapshot);
        }
    } else if manifest.is_none() && sync.config.source.complete != Complete::EachFile {
        snapshot.stale = leave_out_stale(&mut snapshot.exports);
    }
    match &sync.config.source.complete {
        Complete::Auto => match (manifest, success) {
            (Some(manifest), _) => read_manifest(ports, &manifest, &mut snapshot).await?,
            (None, Some(_)) => snapshot.proof = Some("_SUCCESS is there and newer than every export".into()),
            (None, None) => {}
        },
        Complete::Manifest => match manifest {
            Some(manifest) => read_manifest(ports, &manifest, &mut snapshot).await?,
            None => snapshot.waits_for = Some("no manifest is there yet".into()),
        },
        Complete::SuccessMarker => match success {
            Some(_) => snapshot.proof = Some("_SUCCESS is there and newer than every export".into()),
            None => snapshot.waits_for = Some("no _SUCCESS that is newer than every export is there yet".into()),
        },
        Complete::EachFile => {
            let newest = snapshot.exports.iter().max_by(|a, b| (a.modified_ms, &a.key).cmp(&(b.modified_ms, &b.key)));
            snapshot.exports = newest.cloned().into_iter().collect();
            snapshot.proof = Some("every export is a whole snapshot".into());
            if snapshot.exports.is_empty() {
                snapshot.proof = None;
            }
        }
        Complete::QuietMinutes(minutes) => {
            let quiet_ms = ports.clock.now_ms() - newest;
            if newest != i64::MIN && quiet_ms >= i64::from(*minutes) * 60_000 {
                snapshot.proof = Some(format!("no export changed for {minutes} minutes"));
            } else if newest != i64::MIN {
                snapshot.waits_for = Some(format!("the newest export is younger than {minutes} minutes"));
            }
        }
        Complete::SyncNow => {
            if by_person {
                snapshot.proof = Some("a person started this sync".into());
            } else {
                snapshot.waits_for = Some("complete: sync_now waits for a person to run driftless sync".into());
            }
        }
    }
    if snapshot.exports.is_empty() && snapshot.proof.is_none() && snapshot.waits_for.is_none() {
        snapshot.waits_for = Some("no export is there yet".into());
    }
    Ok(snapshot)
}

/// The files that a Delta table has at its latest version: a commit is there or not, so that is always a whole.
async fn delta_snapshot(
    ports: &Ports,
    exports: Vec<ExportVersion>,
    log: &[ExportVersion],
) -> Result<Snapshot, ProtocolError> {
    let table = read_delta_log(ports, log).await?;
    let exports: Vec<ExportVersion> =
        exports.into_iter().filter(|export| table.files.contains_key(&export.key)).collect();
    if exports.len() < table.files.len() {
        let missing = table.files.len() - exports.len();
        let reason = format!("the Delta log names {missing} files that are not there yet");
        return Ok(Snapshot { waits_for: Some(reason), ..Snapshot::default() });
    }
    let proof = format!("version {} of the Delta table", table.version);
    Ok(Snapshot { exports, proof: Some(proof), ..Snapshot::default() })
}
