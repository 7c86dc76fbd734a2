//! The nouns of the product, one file each. See ARCHITECTURE.md for how they relate.

mod batch;
mod checkpoint;
mod cost;
mod counts;
mod export;
mod folder;
mod index_entry;
mod key;
mod observed;
mod quarantine;
mod row;
mod row_error;
mod row_state;
mod run;
mod schema_lock;
mod user_sample;

pub use batch::{BatchRef, ChangeKind, KeyedChange, StagedBatch, StagedChange};
pub use checkpoint::{Checkpoint, Cursor, LedgerPart, OpenRun, Phase, RunPhase};
pub use cost::{Cost, Usage};
pub use counts::{Counts, Settled};
pub use export::ExportVersion;
pub use folder::FolderId;
pub use index_entry::{IndexEntry, IndexFlag};
pub use key::{RowKey, fingerprint, hex_of};
pub use observed::{HOT_SHARD_SLOTS, Observed};
pub use quarantine::QuarantinedRow;
pub use row::{Columns, Row, RowPosition, Value};
pub use row_error::{RowError, RowErrorCode};
pub use row_state::{Identity, RowState, RowStatus, RowVersion};
pub use run::{HoldReason, PlanSummary, RunId, RunRecord, RunStatus, Sample, Warning};
pub use schema_lock::{ColumnType, CsvDialect, Envelope, SchemaLock};
pub use user_sample::{UserOverlap, UserSample};
