use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::error::ProtocolError;
use super::limits::{PAGE, STATES_PER_CALL};
use super::snapshot::snapshot_of;
use super::store::{decode, load_checkpoint};
use super::{Sync, names, read_quarantine};
use crate::ledger::LedgerReader;
use crate::model::{ExportVersion, FolderId, QuarantinedRow, RowKey, RowState};
use crate::ports::Ports;

/// Quarantine files searched for a key.
const FILES_SEARCHED: usize = 1_000;

/// What is known of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKey {
    /// Its row state.
    pub state: Option<RowState>,
    /// Its rows in the quarantine, with the run.
    pub quarantined: Vec<(String, QuarantinedRow)>,
}

/// Keys that a sync keeps state of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedKeys {
    /// Those that its exports speak for.
    pub spoken_for: BTreeSet<RowKey>,
    /// Those that stay as they are: no export has them, and their folder is gone or not known (`source.snapshot_folders`).
    pub kept: BTreeSet<RowKey>,
}

/// Which of the keys this sync keeps state of: events of other senders in the same project are none of its business.
pub async fn owned_keys(ports: &Ports, sync: &Sync, keys: &BTreeSet<RowKey>) -> Result<OwnedKeys, ProtocolError> {
    let mut owned = OwnedKeys::default();
    let all: Vec<RowKey> = keys.iter().copied().collect();
    for part in all.chunks(STATES_PER_CALL) {
        let states = ports.row_states.get(sync.name(), part).await?;
        owned.spoken_for.extend(part.iter().zip(states).filter(|(_, state)| state.is_some()).map(|(key, _)| *key));
    }
    let source = &sync.config.source;
    let mut folders = BTreeSet::new();
    if source.snapshot_folders > 0 {
        let exports = snapshot_of(ports, sync, true).await?.exports;
        folders.extend(exports.iter().map(|export| FolderId::of(source.snapshot_folder(&export.key))));
    }
    let mut ledger = open_ledger(ports, sync).await?;
    while let Some(entry) = ledger.next_entry()?.filter(|_| !keys.is_empty()) {
        let is_there = entry.brief.folder.is_some_and(|folder| folders.contains(&folder));
        if keys.contains(&entry.key) && (source.snapshot_folders == 0 || is_there) {
            owned.spoken_for.insert(entry.key);
        } else if keys.contains(&entry.key) {
            owned.kept.insert(entry.key);
        }
    }
    Ok(owned)
}

async fn open_ledger(ports: &Ports, sync: &Sync) -> Result<LedgerReader, ProtocolError> {
    let checkpoint = load_checkpoint(ports, sync.name()).await?;
    let mut parts = Vec::new();
    for part in checkpoint.ledger {
        if let Some(bytes) = ports.blobs.get(&part.blob).await? {
            parts.push((part, bytes));
        }
    }
    Ok(LedgerReader::open(parts)?)
}

/// An export of a feed that could not be read to its end. It is read again when it is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedExport {
    /// The bytes that failed.
    pub version: ExportVersion,
    /// Cause and remedy.
    pub reason: String,
}

/// Exports that could not be read and are still there as they were. For a snapshot: why it was not taken, if it was not.
pub async fn failed_exports(ports: &Ports, sync: &Sync) -> Result<Vec<FailedExport>, ProtocolError> {
    let page = ports.table.list(&names::failed_partition(sync.name()), "", PAGE).await?;
    let mut failed = Vec::new();
    for (key, item) in page {
        let known: FailedExport = decode("a failed export", &item.body)?;
        let current = ports.exports.list(&key, None, 1).await?;
        if current.first().is_some_and(|current| current.is_same(&known.version)) {
            failed.push(known);
        }
    }
    Ok(failed)
}

/// Looks a key up in row states, ledger and quarantine.
pub async fn look_up(ports: &Ports, sync: &Sync, key: RowKey) -> Result<KnownKey, ProtocolError> {
    let mut known = KnownKey {
        state: ports.row_states.get(sync.name(), &[key]).await?.into_iter().next().flatten(),
        quarantined: Vec::new(),
    };
    if known.state.is_none() {
        let mut ledger = open_ledger(ports, sync).await?;
        while let Some(entry) = ledger.next_entry()? {
            if entry.key >= key {
                known.state = (entry.key == key).then(|| entry.state());
                break;
            }
        }
    }
    let hex = key.to_hex();
    for file in read_quarantine(ports, sync.name(), FILES_SEARCHED).await? {
        let rows = file.rows.into_iter().filter(|row| row.key.as_deref() == Some(&hex));
        known.quarantined.extend(rows.map(|row| (file.run.clone(), row)));
    }
    Ok(known)
}
