use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How rows become a lookup table. Every column that is not named here becomes a column of its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupTableConfig {
    /// The table's id, which Mixpanel's project settings show once the table is made there; at Amplitude its name.
    pub id: String,
    /// Column of the values that the mapped property has. It names a row.
    pub key: String,
    /// Columns that are not sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}
