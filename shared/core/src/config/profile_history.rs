use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventTime;

/// How a row becomes a value that a user or group had from a time on. Columns that are not named here are not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileHistoryConfig {
    /// Has to be `true`: Mixpanel documents no route for profile history. What is used was seen in other tools, and may
    /// change or stop without notice.
    #[serde(default)]
    pub experimental: bool,
    /// What Mixpanel lists the history by: the name of its hidden event.
    pub name: String,
    /// Column of the user's id, the distinct_id that events have; of the group's id, if there is a group key.
    pub id: String,
    /// The group key as the project's settings name it, for the history of groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// From when on the row's values hold, until the next row of the id. It names a row together with the id.
    pub start_time: EventTime,
    /// Column of the time at which the row was written. Default: the start time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The properties, each with its column and type. `driftless define` tells Mixpanel of them.
    pub properties: BTreeMap<String, HistoryProperty>,
}

/// A property with a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryProperty {
    /// Column.
    pub column: String,
    /// What it holds. A null says that the property ended.
    #[serde(rename = "type")]
    pub kind: HistoryType,
}

/// What a property with a history holds: Mixpanel takes no lists and objects there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HistoryType {
    /// Text.
    String,
    /// A number.
    Number,
    /// true or false.
    Boolean,
}

impl HistoryType {
    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}
