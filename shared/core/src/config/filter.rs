use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which rows are sent. A row that is left out counts as filtered; one that was sent before and is left out now is
/// deleted where the mode deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Columns and the values that they must hold one of, as text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// Columns that must hold something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filled: Vec<String>,
    /// If any is named: the events that are sent, and no others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Events that are not sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_events: Vec<String>,
    /// A sample: so many percent of users, always the same ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_percent: Option<u8>,
}

impl Filter {
    /// Whether every row is sent.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}
