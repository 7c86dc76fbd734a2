//! What the core needs of the world. Each port has one contract suite in the testkit that every implementation runs.

mod blobs;
mod compute;
mod destination;
mod error;
mod export_store;
mod ids;
mod meter;
mod observer;
mod queue;
mod row_formats;
mod row_states;
mod table;
mod transport;

use std::sync::Arc;

pub use blobs::Blobs;
pub use compute::{Compute, run_on};
pub use destination::{BatchLimits, Delivery, Destination, Mutation, Notes, PayloadName, Refusal, RowEncoder};
pub use error::PortError;
pub use export_store::{ExportBytes, ExportStore};
pub use ids::{Clock, Ids, Liveness};
pub use meter::{Meter, Unmetered};
pub use observer::{Observer, Progress, Silent};
pub use queue::{Message, Queue, QueueName};
pub use row_formats::{ExportError, Inspection, RowBlock, RowBlocks, RowFormats, RowResult};
pub use row_states::RowStates;
pub use table::{Item, Put, Table};
pub use transport::{
    Request, Response, SignIn, Transport, TransportError, array_with_token, events_with_key, form_with_key,
};

/// Every port, as the protocol's functions take them.
#[derive(Clone)]
pub struct Ports {
    /// Where exports are.
    pub exports: Arc<dyn ExportStore>,
    /// How their bytes become rows.
    pub formats: Arc<dyn RowFormats>,
    /// The state bucket.
    pub blobs: Arc<dyn Blobs>,
    /// Checkpoints, claims, history.
    pub table: Arc<dyn Table>,
    /// insert_id items.
    pub row_states: Arc<dyn RowStates>,
    /// Pointers to work.
    pub queue: Arc<dyn Queue>,
    /// HTTP.
    pub transport: Arc<dyn Transport>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Fresh tokens and jitter.
    pub ids: Arc<dyn Ids>,
    /// Who may be presumed dead.
    pub liveness: Arc<dyn Liveness>,
    /// Where CPU-bound work runs.
    pub compute: Arc<dyn Compute>,
    /// Who is told of progress.
    pub observer: Arc<dyn Observer>,
    /// What is used of what is billed.
    pub meter: Arc<dyn Meter>,
}
