//! Everything on one machine: the ports over a folder of exports and a state folder with one SQLite file.
//!
//! ```text
//! .driftless/              only the user who runs driftless may read it: staged rows and the quarantine are personal data
//!   lock                   held by the one process that works here
//!   state.sqlite3          table, queues, row states, instance number
//!   blobs/                 staged batches, ledgers, quarantine: one file per object
//! ```
//!
//! What survives a power loss: every blob that was put, and every write to the table. Row states and queue messages are
//! written to the same log without waiting for the disk; the next write to the table makes them durable with it. So a
//! batch that is settled in the table has its row states on disk, and a lost message is one that sweep sends again.

mod database;
mod embedded_error;
mod embedded_state;
mod export_file;
mod failure;
mod folder_blobs;
mod folder_exports;
mod folder_objects;
mod instance;
mod io_error;
mod key_path;
mod key_walk;
mod process_lock;
mod readers;
mod recent_states;
mod schema;
mod sqlite_queue;
mod sqlite_row_states;
mod sqlite_table;
mod writer;

pub use embedded_error::EmbeddedError;
pub use embedded_state::EmbeddedState;
pub use folder_blobs::FolderBlobs;
pub use folder_exports::FolderExports;
pub use folder_objects::FolderObjects;
pub use instance::Instance;
pub use process_lock::ProcessLock;
pub use sqlite_queue::SqliteQueue;
pub use sqlite_row_states::SqliteRowStates;
pub use sqlite_table::SqliteTable;
