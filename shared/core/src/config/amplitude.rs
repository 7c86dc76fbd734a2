use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Region, SecretRef};

/// An Amplitude project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmplitudeConfig {
    /// Data residency: us or eu.
    #[serde(default)]
    pub region: Region,
    /// Reference to the project's API key.
    pub api_key: SecretRef,
    /// Reference to the project's secret key: for lookup tables, `verify` and `forget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<SecretRef>,
    /// Characters that a user or device id has at least, if fewer than Amplitude's own 5; not for mutation files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_id_length: Option<u32>,
    /// Where mutation files go: how `mode: mirror` changes and deletes events at Amplitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation_files: Option<MutationFilesConfig>,
    /// Only for a sandbox on this machine: `http://127.0.0.1:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Mutation files for Amplitude's S3 Mirror Sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MutationFilesConfig {
    /// `s3://BUCKET/PREFIX/` in AWS, a folder on one machine (relative to the project folder). The bucket is one of its
    /// own: Amplitude takes over its notifications.
    pub to: String,
    /// Minutes between two runs of a sync: Amplitude may apply the files of one sync window in any order, and wants files
    /// of more than 1 MB.
    #[serde(default = "default_window_minutes")]
    pub window_minutes: u32,
    /// Column names in the files, where the source's converter maps others: `mutation_type: op`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<MutationColumn, String>,
}

fn default_window_minutes() -> u32 {
    60
}

/// A column of a mutation file, by the name of Amplitude's own field
/// (amplitude.com/docs/data/source-catalog/amazon-s3, 2026-03-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MutationColumn {
    /// INSERT, UPDATE or DELETE.
    MutationType,
    /// User.
    UserId,
    /// Device.
    DeviceId,
    /// Insert id.
    InsertId,
    /// Milliseconds since the epoch.
    Time,
    /// Event name.
    EventType,
    /// Properties of the event.
    EventProperties,
    /// Properties of the user.
    UserProperties,
    /// Groups.
    Groups,
}

/// What an event at Amplitude has beside its properties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AmplitudeEvents {
    /// Amplitude's own fields and the columns that hold them, such as `platform: os` or `revenue: amount`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<AmplitudeField, String>,
    /// Columns that become properties of the user, as they were at the event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_properties: Vec<String>,
    /// Neither read nor write the user's current properties for these events: for history.
    pub skip_user_properties_sync: bool,
}

/// A field of Amplitude's event (amplitude.com/docs/apis/analytics/http-v2, 2026-03-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AmplitudeField {
    AppVersion,
    Platform,
    OsName,
    OsVersion,
    DeviceBrand,
    DeviceManufacturer,
    DeviceModel,
    Carrier,
    Country,
    Region,
    City,
    Dma,
    Language,
    Price,
    Quantity,
    Revenue,
    #[serde(rename = "productId")]
    ProductId,
    #[serde(rename = "revenueType")]
    RevenueType,
    Currency,
    LocationLat,
    LocationLng,
    Ip,
    EventId,
    SessionId,
    UserAgent,
}

/// What user profiles are at Amplitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AmplitudeProfiles {
    /// User properties, through the Identify API: they show with the user's next event.
    #[default]
    UserProperties,
    /// Profiles, through mutation files.
    Profiles,
}

impl AmplitudeProfiles {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A field's name as Amplitude writes it, which is how the configuration writes it.
pub fn amplitude_name(field: impl Serialize) -> String {
    serde_json::to_value(field).ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
}
