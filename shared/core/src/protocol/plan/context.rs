use std::collections::BTreeSet;
use std::sync::Arc;

use super::selection::Replay;
use crate::model::{Checkpoint, ExportVersion, FolderId, SchemaLock, Warning};
use crate::ports::Ports;
use crate::protocol::{SeenUsers, Suppressed, Sync};

/// What changed about columns or mapping since the last plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    /// Columns came.
    pub added: bool,
    /// Columns went or hold something else, or the mapping is another one.
    pub other: bool,
}

/// One column went and one came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rename {
    pub from: String,
    pub to: String,
}

/// What one planning works with.
pub(super) struct PlanContext {
    pub ports: Ports,
    pub sync: Arc<Sync>,
    /// The attempt that holds the scope; staged names carry it.
    pub attempt: u64,
    /// Number of the next run.
    pub next_run: u64,
    pub lock: Arc<SchemaLock>,
    pub by_person: bool,
    pub is_dry: bool,
    /// What dry runs keep instead of the table.
    pub seen_users: SeenUsers,
    pub replay: Option<Replay>,
    /// Columns that came since rows were sent: rows are also looked at without them.
    pub fresh_columns: Arc<BTreeSet<String>>,
    /// A column that seems to have another name now: rows are looked at under the old one instead.
    pub renamed: Option<Arc<Rename>>,
    /// Users of whom nothing is sent.
    pub suppressed: Arc<Suppressed>,
    /// What changed about columns or mapping, if anything.
    pub drift: Drift,
    /// What was noticed before the first run; it goes into that run's warnings.
    pub notes: Vec<Warning>,
    /// Moment at which planning began: what expires is measured against it.
    pub now_ms: i64,
    /// When no further run may begin.
    pub until_ms: i64,
}

impl PlanContext {
    pub fn committing(ports: &Ports, sync: &Arc<Sync>, checkpoint: &Checkpoint, by_person: bool) -> Self {
        Self {
            ports: ports.clone(),
            sync: sync.clone(),
            attempt: checkpoint.attempt,
            next_run: checkpoint.last_run + 1,
            lock: Arc::new(checkpoint.lock.clone()),
            by_person,
            is_dry: false,
            seen_users: SeenUsers::default(),
            replay: None,
            fresh_columns: Arc::default(),
            renamed: None,
            suppressed: Arc::default(),
            drift: Drift::default(),
            notes: Vec::new(),
            now_ms: ports.clock.now_ms(),
            until_ms: i64::MAX,
        }
    }

    pub fn dry(ports: &Ports, sync: &Arc<Sync>, checkpoint: &Checkpoint) -> Self {
        Self { is_dry: true, ..Self::committing(ports, sync, checkpoint, true) }
    }

    /// The folder of an export, where folders are snapshots of their own.
    pub fn folder_of(&self, export: &ExportVersion) -> Option<FolderId> {
        let source = &self.sync.config.source;
        (source.snapshot_folders > 0).then(|| FolderId::of(source.snapshot_folder(&export.key)))
    }

    pub fn replaying(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }
}
