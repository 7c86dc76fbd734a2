use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The column names of some rows. Rows that share one `Arc<Columns>` share their column order,
/// so whatever is worked out per column list is worked out once.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns {
    /// Names in the order of the values.
    pub names: Vec<String>,
}

/// One value of a row, as exact as the export had it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Missing, null, or a null spelling.
    Null,
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer beyond the signed range.
    UInt(u64),
    /// A binary floating-point number; not-a-number and infinities occur.
    Float(f64),
    /// Any other number by its digits, valid as a JSON number: decimals and big integers keep every digit.
    Number(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
    /// Nanoseconds since the epoch, and whether the export said that this is UTC (false: wall-clock time without a zone).
    Timestamp {
        /// Nanoseconds since 1970-01-01T00:00:00.
        nanos: i128,
        /// Whether `nanos` is counted in UTC.
        utc: bool,
    },
    /// Days since 1970-01-01.
    Date(i32),
    /// A nested value as JSON text that a JSON parser has accepted.
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// Whether the value counts as absent.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}

/// One row: values beside the columns that name them.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The names.
    pub columns: &'a Arc<Columns>,
    /// The values, in the order of `columns.names`.
    pub values: &'a [Value<'a>],
}

/// Where a row came from: the export's place in the run's list, and the row's number in it, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowPosition {
    /// Index into the run's exports.
    pub export: u32,
    /// Zero-based number of the data row.
    pub row: u64,
}
