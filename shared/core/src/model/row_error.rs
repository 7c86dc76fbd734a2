use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Why one row cannot be sent. It never contains a value of the row: it ends in logs and reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{cause}. {remedy}")]
pub struct RowError {
    /// The closed class of the error.
    pub code: RowErrorCode,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What is wrong, without any cell value.
    pub cause: String,
    /// What to change.
    pub remedy: Cow<'static, str>,
}

/// The closed set of reasons for which a row is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowErrorCode {
    /// The record itself cannot be read (ragged CSV, broken JSON, invalid UTF-8, too large).
    Malformed,
    /// A column that names the row is empty or missing.
    KeyMissing,
    /// The event name is empty or missing.
    EventNameMissing,
    /// The event name means something else at the destination.
    EventNameReserved,
    /// The time is empty or missing.
    TimeMissing,
    /// The time cannot be read or lies outside what the destination takes.
    TimeInvalid,
    /// Neither a user id nor a device id.
    UserMissing,
    /// An id that the destination refuses.
    IdRefused,
    /// A value that is not of the column's declared type.
    TypeMismatch,
    /// A limit of the destination: properties, nesting, elements, size.
    LimitExceeded,
    /// An op column with a value outside its domain.
    OpUnknown,
    /// An order column that is empty or cannot be compared.
    OrderInvalid,
    /// Two rows of one key that differ, with nothing that orders them.
    KeyConflict,
    /// Append mode: the key was sent before with other content.
    KeyReused,
    /// The destination refused the row.
    RefusedByDestination,
}

impl RowError {
    /// An error of a column.
    pub fn of_column(
        code: RowErrorCode,
        column: &str,
        cause: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, column: Some(column.to_string()), cause: cause.into(), remedy: remedy.into() }
    }

    /// An error of the row as a whole.
    pub fn of_row(code: RowErrorCode, cause: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { code, column: None, cause: cause.into(), remedy: remedy.into() }
    }
}
