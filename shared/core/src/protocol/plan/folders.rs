use std::collections::HashMap;

use super::context::PlanContext;
use super::draft::Draft;
use crate::ledger::LedgerEntry;
use crate::model::{ExportVersion, FolderId, HoldReason, Warning};

/// The folders of a snapshot, where each is one of its own: rows of a folder that is not there are kept. Where all exports
/// are one snapshot it knows none and keeps nothing.
pub(super) struct Folders {
    are_snapshots: bool,
    /// By number of the export.
    of_exports: Vec<Option<FolderId>>,
    there: HashMap<FolderId, Folder>,
    kept: u64,
    /// Rows that are gone, from before folders were remembered.
    kept_unknown: u64,
}

struct Folder {
    path: String,
    /// Rows of it at the destination.
    live: u64,
    deletes: u64,
}

impl Folders {
    pub fn of(context: &PlanContext, exports: &[ExportVersion]) -> Self {
        let of_exports: Vec<_> = exports.iter().map(|export| context.folder_of(export)).collect();
        let path = |export: &ExportVersion| context.sync.config.source.snapshot_folder(&export.key).to_string();
        let folders = of_exports.iter().zip(exports).filter_map(|(folder, export)| Some(((*folder)?, path(export))));
        let there = folders.map(|(folder, path)| (folder, Folder { path, live: 0, deletes: 0 })).collect();
        let are_snapshots = context.sync.config.source.snapshot_folders > 0;
        Self { are_snapshots, of_exports, there, kept: 0, kept_unknown: 0 }
    }

    /// The folder of an export.
    pub fn of_export(&self, export: u32) -> Option<FolderId> {
        self.of_exports.get(export as usize).copied().flatten()
    }

    /// Books a row that is at the destination.
    pub fn count_live(&mut self, folder: Option<FolderId>) {
        if let Some(folder) = folder.and_then(|folder| self.there.get_mut(&folder)) {
            folder.live += 1;
        }
    }

    /// Books a row that is deleted.
    pub fn count_delete(&mut self, folder: Option<FolderId>) {
        if let Some(folder) = folder.and_then(|folder| self.there.get_mut(&folder)) {
            folder.deletes += 1;
        }
    }

    /// Whether a row that no export has any more stays: its folder is gone, or nobody knows which one it was in.
    pub fn keeps(&mut self, state: Option<&LedgerEntry>) -> bool {
        let Some(state) = state.filter(|state| state.is_visible()) else { return false };
        match state.brief.folder {
            _ if !self.are_snapshots => return false,
            Some(folder) if self.there.contains_key(&folder) => return false,
            Some(_) => self.kept += 1,
            None => self.kept_unknown += 1,
        }
        true
    }

    /// Tells the draft what is kept, and holds it where a folder lost too much, as a snapshot of its own would be held.
    pub fn close(&self, context: &PlanContext, draft: &mut Draft) {
        let hold = &context.sync.config.hold;
        let is_over = |folder: &&Folder| {
            folder.deletes >= hold.deletes_at_least
                && folder.deletes * 100 > folder.live * u64::from(hold.deletes_over_percent)
        };
        let mut over: Vec<&Folder> = self.there.values().filter(is_over).collect();
        over.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(first) = over.first() {
            draft.holds.push(HoldReason::FolderDeletesOver {
                folder: first.path.clone(),
                deletes: first.deletes,
                live: first.live,
                percent: hold.deletes_over_percent,
                others: over.len() as u64 - 1,
            });
        }
        draft.kept = self.kept + self.kept_unknown;
        if self.kept > 0 {
            let text = format!("{} rows of folders that are no longer there are kept", self.kept);
            draft.warnings.push(Warning { code: "folders_gone".to_string(), text });
        }
        if self.kept_unknown > 0 {
            let text = format!(
                "{} rows that no export has are kept, because they were sent before source.snapshot_folders was set and their folder is not known",
                self.kept_unknown
            );
            draft.warnings.push(Warning { code: "folders_unknown".to_string(), text });
        }
    }
}
