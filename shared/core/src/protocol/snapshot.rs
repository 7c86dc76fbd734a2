use std::collections::{BTreeMap, BTreeSet};

use super::databricks_commits::{is_commit_marker, read_commits};
use super::delta_log::{is_log, read_delta_log};
use super::limits::PAGE;
use super::manifest::read_manifests;
use super::stale_shards::leave_out_stale;
use super::success_markers::first_unmarked;
use super::{ProtocolError, Sync};
use crate::config::{Complete, SourceConfig};
use crate::model::ExportVersion;
use crate::ports::Ports;

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
    /// How many levels of folders name a snapshot of its own.
    pub folders: u8,
}

impl Snapshot {
    /// Names this set of bytes, whether it was proven complete, and what is deleted by it.
    pub fn digest(&self) -> String {
        let proof = if self.proof.is_some() { "complete" } else { "open" };
        let digest = format!("{}-{proof}", ExportVersion::digest_of(&self.exports));
        match self.folders {
            0 => digest,
            levels => format!("{digest}-by-{levels}"),
        }
    }
}

/// What lies under a prefix.
#[derive(Default)]
struct Listed {
    exports: Vec<ExportVersion>,
    /// The log of a Delta table.
    log: Vec<ExportVersion>,
    /// Markers of Databricks' jobs.
    commits: Vec<ExportVersion>,
    manifests: Vec<ExportVersion>,
    markers: Vec<ExportVersion>,
}

async fn list(ports: &Ports, prefix: &str) -> Result<Listed, ProtocolError> {
    let mut listed = Listed::default();
    let mut after: Option<String> = None;
    loop {
        let page = ports.exports.list(prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(listed) };
        after = Some(last.key.clone());
        for version in page {
            let name = version.key.rsplit('/').next().unwrap_or_default();
            if is_log(&version.key) {
                listed.log.push(version);
            } else if name.ends_with("manifest") {
                listed.manifests.push(version);
            } else if name == "_SUCCESS" {
                listed.markers.push(version);
            } else if is_commit_marker(name) {
                listed.commits.push(version);
            } else if !ports.formats.is_control_file(&version.key) {
                listed.exports.push(version);
            }
        }
    }
}

/// The snapshot under a sync's prefix and what proves it complete. Where folders are snapshots of their own, all of them
/// together, each with its own proof or that of a folder above it.
pub(super) async fn snapshot_of(ports: &Ports, sync: &Sync, by_person: bool) -> Result<Snapshot, ProtocolError> {
    let source = &sync.config.source;
    let Listed { exports, log, commits, manifests, markers } = list(ports, &source.prefix).await?;
    if !log.is_empty() {
        return delta_snapshot(ports, source, exports, &log).await;
    }
    let newest = exports.iter().map(|e| e.modified_ms).max().unwrap_or(i64::MIN);
    let mut snapshot = Snapshot { exports, folders: source.snapshot_folders, ..Snapshot::default() };
    if !commits.is_empty() {
        read_commits(ports, &commits, &mut snapshot).await?;
        if snapshot.waits_for.is_some() {
            return Ok(snapshot);
        }
    } else if manifests.is_empty() && source.complete != Complete::EachFile {
        snapshot.stale = leave_out_stale(&mut snapshot.exports);
    }
    match &source.complete {
        Complete::Auto if manifests.is_empty() => {
            if first_unmarked(source, &snapshot.exports, &markers).is_none() {
                snapshot.proof = Some(MARKED.into());
            }
        }
        Complete::Auto => {
            let unlisted = read_manifests(ports, source, &manifests, &mut snapshot).await?;
            if !unlisted.is_empty() && first_unmarked(source, &unlisted, &markers).is_some() {
                snapshot.proof = None;
            }
        }
        Complete::Manifest if manifests.is_empty() => snapshot.waits_for = Some("no manifest is there yet".into()),
        Complete::Manifest => {
            let unlisted = read_manifests(ports, source, &manifests, &mut snapshot).await?;
            if let Some(export) = unlisted.first() {
                let folder = source.snapshot_folder(&export.key);
                snapshot.waits_for = Some(format!("no manifest of {folder} is there yet"));
            }
        }
        Complete::SuccessMarker => match first_unmarked(source, &snapshot.exports, &markers) {
            None => snapshot.proof = Some(MARKED.into()),
            Some(folder) => {
                let reason = format!("no _SUCCESS that is newer than every export under {folder} is there yet");
                snapshot.waits_for = Some(reason);
            }
        },
        Complete::EachFile => {
            newest_of_each_folder(source, &mut snapshot.exports);
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

const MARKED: &str = "_SUCCESS is there and newer than every export";

/// Of every folder that is a snapshot of its own, the newest export.
fn newest_of_each_folder(source: &SourceConfig, exports: &mut Vec<ExportVersion>) {
    let mut newest: BTreeMap<&str, &ExportVersion> = BTreeMap::new();
    for export in exports.iter() {
        let known = newest.entry(source.snapshot_folder(&export.key)).or_insert(export);
        if (known.modified_ms, &known.key) < (export.modified_ms, &export.key) {
            *known = export;
        }
    }
    let newest: BTreeSet<String> = newest.into_values().map(|export| export.key.clone()).collect();
    exports.retain(|export| newest.contains(&export.key));
}

/// The files that a Delta table has at its latest version: a commit is there or not, so that is always a whole.
async fn delta_snapshot(
    ports: &Ports,
    source: &SourceConfig,
    exports: Vec<ExportVersion>,
    log: &[ExportVersion],
) -> Result<Snapshot, ProtocolError> {
    if source.snapshot_folders > 0 {
        return Err(ProtocolError::Halt(format!(
            "{} is a Delta table: its log says which rows are there, in every folder; remove source.snapshot_folders",
            source.prefix
        )));
    }
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
