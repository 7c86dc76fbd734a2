//! Every limit of reading, with its origin.

pub use driftless_core::protocol::limits::BLOCK_BYTES;

/// The longest record. Mixpanel and Amplitude refuse an event above 1 MB, so a longer row could not be sent anyway
/// (docs.mixpanel.com/reference/import-events, 2026).
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Rows that an inspection looks at.
pub const INSPECT_ROWS_MAX: u64 = 10_000;

/// Bytes that CSV dialect detection tries every dialect on: enough for hundreds of rows.
pub const DIALECT_SAMPLE_BYTES: usize = 128 << 10;

/// Decoded bytes of one export. S3 objects end at 5 TB; no warehouse writes files above 6.2 GB (Redshift UNLOAD MAXFILESIZE).
pub const DECODED_BYTES_MAX: u64 = 100_000_000_000;

/// Decoded bytes per compressed byte. DEFLATE cannot exceed 1,032:1 (zlib.net/zlib_tech.html).
pub const RATIO_MAX: u64 = 1_100;

/// Decoded bytes below which the ratio does not matter.
pub const RATIO_FROM_BYTES: u64 = 64 << 20;

/// Base-2 logarithm of the largest zstd window: 8 MB, what a decoder has to support (RFC 8878, 3.1.1.1.2).
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Files of a zip archive: a year of Amplitude's Export API has 8,760 hours, each of a few files.
pub const ZIP_MEMBERS_MAX: usize = 100_000;

/// Nesting of a value. Destinations take far less; the reference asks for at most 64.
pub const DEPTH_MAX: usize = driftless_core::json::DEPTH_MAX;

/// Columns of a CSV export: Snowflake and Redshift end at 2,000 and 1,600 columns.
pub const CSV_COLUMNS_MAX: usize = 2_000;

/// Different key sequences of JSON objects that are remembered at a time.
pub const JSON_SHAPES_MAX: usize = 1_024;

/// Parquet metadata (reference: aws-and-reliability 4.4).
pub const PARQUET_FOOTER_BYTES_MAX: usize = 16 << 20;

/// Rows of a Parquet batch.
pub const BATCH_ROWS_MAX: usize = 8_192;

/// Decoded bytes that a Parquet batch aims at, so that wide rows do not make huge batches.
pub const BATCH_BYTES_TARGET: u64 = 8 << 20;

/// Bytes of one cached piece of a Parquet file.
pub const PIECE_BYTES: usize = 512 << 10;

/// Pieces of a Parquet file in memory: 32 MB, one piece for each of 64 columns.
pub const PIECES_MAX: usize = 64;

/// Bytes of one Avro block, as stored and decoded. Writers aim at 16 KB to 4 MB; the Java reader refuses more than 2 GB.
pub const AVRO_BLOCK_BYTES_MAX: usize = 256 << 20;

/// Elements that take no bytes (nulls, empty records) in one Avro block or array.
pub const AVRO_EMPTY_ITEMS_MAX: u64 = 1 << 16;

/// Bytes of an Avro header: the schema and other metadata.
pub const AVRO_HEADER_BYTES_MAX: usize = 16 << 20;

/// Distinct values of a column that are reported.
pub const DOMAIN_VALUES_MAX: usize = 8;

/// Length of a value that is reported as one of a domain.
pub const DOMAIN_VALUE_BYTES_MAX: usize = 32;
