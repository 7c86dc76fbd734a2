use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AmplitudeProfiles, FieldRule};

/// How a row becomes a profile. Every column that is not named here becomes a property of its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilesConfig {
    /// Column of the user's id, the distinct_id that events have; of the group's id for group profiles. It names a row.
    pub id: String,
    /// The group key as the project's settings name it (Amplitude: the group type); for group profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// Properties that are named otherwise than their columns, such as `$email: email_address`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Columns with a JSON object whose fields become properties. A column of the same name wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_properties: Vec<String>,
    /// Columns that are not sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// If any is named: the columns that become properties of their own name, and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Which fields of `json_properties` become properties.
    #[serde(default, skip_serializing_if = "FieldRule::is_open")]
    pub json_fields: FieldRule,
    /// What they are at Amplitude, which has two kinds of profiles.
    #[serde(default, skip_serializing_if = "AmplitudeProfiles::is_default")]
    pub amplitude: AmplitudeProfiles,
}
