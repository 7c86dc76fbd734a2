//! The row states of a snapshot scope: sorted Parquet parts in the state bucket, open to any Parquet reader.
//! A later part overrides an earlier one, key by key.

mod codec;
mod reader;
mod writer;

pub use codec::{LedgerError, LedgerRow};
pub use reader::{LedgerEntry, LedgerReader};
pub use writer::LedgerWriter;
