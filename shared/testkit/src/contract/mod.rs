//! What every implementation of a port must do, as suites that memory, one machine and AWS all run.
//! A suite wants the port empty, and panics with what did not hold.

mod blobs;
mod export_store;
mod queue;
mod row_states;
mod table;

pub use blobs::blobs_contract;
pub use export_store::{ExportWriter, export_store_contract};
pub use queue::queue_contract;
pub use row_states::{row_states_contract, row_states_expiry_contract};
pub use table::table_contract;
