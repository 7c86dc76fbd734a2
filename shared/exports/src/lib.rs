//! Exports as bytes into rows: compression, formats, dialects and types.
//!
//! [`ExportFormats`] implements [`driftless_core::ports::RowFormats`]. Reading is split in two: `next_block` decompresses
//! and finds where records end, in order; `visit` parses a block, and many blocks may be visited at the same time.
//! A record that cannot be read is one bad row; an export that cannot be read is refused with its cause and a remedy.

mod avro_file;
mod compression;
mod control_files;
mod csv;
mod envelope;
mod formats;
mod json;
mod limits;
mod observe;
mod parquet_file;
mod partitions;
mod records;
mod refusal;
mod sniff;
mod source;
mod types;
mod zip_members;

#[cfg(test)]
mod tests;

pub use control_files::is_control_file;
pub use formats::ExportFormats;
