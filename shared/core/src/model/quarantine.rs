use serde::{Deserialize, Serialize};

use super::RowError;

/// One rejected row: where it is and why it was refused. The row itself stays in the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedRow {
    /// Key of the export.
    pub export: String,
    /// Its entity tag, so that a replay can tell whether the export is still the same.
    pub etag: String,
    /// Number of the data row, counted from 1 (a header line is not counted).
    pub row: u64,
    /// Hex of the row key, where the row has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The reason.
    #[serde(flatten)]
    pub error: RowError,
}
