//! What happens to a scope, as plain functions over ports: detect, plan, deliver, finish, sweep, and a person's decisions.
//! ARCHITECTURE.md walks through them.

mod batches;
mod candidates;
mod databricks_commits;
mod decisions;
mod deliver;
mod delta_log;
mod detect;
mod error;
mod finish;
pub mod limits;
mod lookup;
mod manifest;
pub mod names;
mod plan;
mod quarantine;
mod requests;
mod schedule;
mod send_payload;
mod snapshot;
mod stale_shards;
mod state;
mod store;
mod success_markers;
mod suppression;
mod sweep;
mod sync;
mod users;

pub use decisions::{approve, cancel_halt, reject, stop};
pub use deliver::{Delivered, deliver};
pub use detect::{Detected, detect};
pub use error::ProtocolError;
pub use finish::finish;
pub use lookup::{FailedExport, KnownKey, OwnedKeys, failed_exports, look_up, owned_keys};
pub use plan::{DryRun, ExpectedRow, Planned, Replay, Tally, TallyLine, dry_run, expected_rows, plan, replay, tally};
pub use quarantine::{QuarantineFile, read_quarantine};
pub use requests::{Request, StartStatus, start};
pub use schedule::is_due;
pub use state::SyncState;
pub use store::{load_checkpoint, load_run, runs, update_checkpoint};
pub use suppression::{Suppressed, suppress, suppressed};
pub use sweep::{Swept, sweep};
pub use sync::{PlanMessage, Sync};
pub use users::SeenUsers;
