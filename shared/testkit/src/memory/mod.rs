//! Ports in memory, for tests and for the deterministic simulation: no threads, no runtime, no real time.
//! Each is a handle; a clone looks at the same things, so that a test can look inside.

mod blobs;
mod counting_ids;
mod export_store;
mod inline_compute;
mod locked;
mod manual_clock;
mod nobody_dead;
mod queue;
mod row_states;
mod table;

pub use blobs::MemoryBlobs;
pub use counting_ids::CountingIds;
pub use export_store::MemoryExports;
pub use inline_compute::InlineCompute;
pub use manual_clock::ManualClock;
pub use nobody_dead::NobodyDead;
pub use queue::MemoryQueue;
pub use row_states::MemoryRowStates;
pub use table::MemoryTable;
