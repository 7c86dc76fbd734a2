use crate::model::{ColumnType, Row, RowError, SchemaLock};

use super::ExportBytes;

/// Why an export cannot be read, told by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It was replaced or removed since it was listed: plan again.
    #[error("{export} changed while it was read; it will be planned again")]
    Changed {
        /// Key.
        export: String,
    },
    /// A passing failure of the store.
    #[error("{export}: {cause}")]
    Retry {
        /// Key.
        export: String,
        /// Cause.
        cause: String,
    },
    /// Its bytes cannot be read as what they claim to be.
    #[error("{export}: {cause}. {remedy}")]
    Unreadable {
        /// Key.
        export: String,
        /// Cause, with row or offset.
        cause: String,
        /// What to do.
        remedy: String,
    },
}

/// A row, or why there is none at this place.
pub type RowResult<'a> = Result<Row<'a>, RowError>;

/// What a look at the first rows of an export told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The lock, extended by what this export has and the lock did not know.
    pub lock: SchemaLock,
    /// Its format in words ("CSV, gzip, comma, header").
    pub format: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// What columns hold that hold one kind of value, nulls aside.
    pub kinds: std::collections::BTreeMap<String, ColumnType>,
    /// For text columns with few distinct values: the values seen, for finding an op column.
    pub domains: Vec<(String, std::collections::BTreeSet<String>)>,
}

/// Rows that were read together, at most [`crate::protocol::limits::BLOCK_BYTES`] of them.
pub trait RowBlock: Send + Sync {
    /// Number of the first row, from 0.
    fn first_row(&self) -> u64;
    /// Rows in it, bad ones included.
    fn rows(&self) -> u64;
    /// Decoded bytes.
    fn bytes(&self) -> u64;
    /// Visits the rows whose number `wanted` says yes to, in order. Before an update that changes what names a row comes the
    /// row as it was, a pre-image with the same number.
    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>));
}

/// The blocks of an export, in order. Each call blocks for I/O and CPU.
pub trait RowBlocks: Send {
    /// The next block, `None` at the end. After an error nothing more is read.
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError>;
}

/// How bytes become rows. Formats and compression are found from the bytes, not from names.
pub trait RowFormats: Send + Sync {
    /// Whether an object is a marker or control file by its name, and so never holds rows.
    fn is_control_file(&self, key: &str) -> bool;

    /// Looks at the first rows and extends the lock. Blocks.
    fn inspect(&self, export: &str, bytes: Box<dyn ExportBytes>, lock: &SchemaLock) -> Result<Inspection, ExportError>;

    /// Opens an export for reading under a lock. Blocks.
    fn open(
        &self,
        export: &str,
        bytes: Box<dyn ExportBytes>,
        lock: &SchemaLock,
    ) -> Result<Box<dyn RowBlocks>, ExportError>;
}
