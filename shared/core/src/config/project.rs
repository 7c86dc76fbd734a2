use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AmplitudeConfig, SecretRef};

/// `driftless.yaml`: where exports and state are, and the destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// A folder, relative to the project folder.
    pub exports: String,
    /// A folder for state, relative to the project folder.
    #[serde(default = "default_state")]
    pub state: String,
    /// Destinations by name.
    pub destinations: BTreeMap<String, DestinationConfig>,
}

fn default_state() -> String {
    "./.driftless".to_string()
}

/// A destination project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DestinationConfig {
    /// A Mixpanel project.
    Mixpanel(MixpanelConfig),
    /// An Amplitude project.
    Amplitude(AmplitudeConfig),
}

impl DestinationConfig {
    /// The vendor's name.
    pub fn vendor(&self) -> &'static str {
        match self {
            Self::Mixpanel(_) => "Mixpanel",
            Self::Amplitude(_) => "Amplitude",
        }
    }

    /// Every secret that it names, by field.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let all = match self {
            Self::Mixpanel(mixpanel) => vec![
                ("service_account", mixpanel.service_account.as_ref()),
                ("token", mixpanel.token.as_ref()),
                ("privacy_token", mixpanel.privacy_token.as_ref()),
            ],
            Self::Amplitude(amplitude) => {
                vec![("api_key", Some(&amplitude.api_key)), ("secret_key", amplitude.secret_key.as_ref())]
            }
        };
        all.into_iter().filter_map(|(field, secret)| Some((field, secret?))).collect()
    }

    /// Where its mutation files go, if it has any.
    pub fn mutation_files(&self) -> Option<&str> {
        match self {
            Self::Amplitude(amplitude) => amplitude.mutation_files.as_ref().map(|files| files.to.as_str()),
            Self::Mixpanel(_) => None,
        }
    }
}

/// A Mixpanel project and how to sign in to it: a service account with `project_id`, or the project token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MixpanelConfig {
    /// Data residency; the wrong one loses data (docs.mixpanel.com/docs/privacy/eu-residency, 2026-08-21).
    #[serde(default)]
    pub region: Region,
    /// Project id, a number in quotes. Needed with a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Reference to `username:secret` of a service account with role Owner or Admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<SecretRef>,
    /// Reference to the project token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretRef>,
    /// Reference to a GDPR OAuth token, a person's own, from the account settings: for `forget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_token: Option<SecretRef>,
    /// How the project knows that a device is a user's: its settings name it, and it cannot be changed there.
    #[serde(default, skip_serializing_if = "IdMerge::is_simplified")]
    pub id_merge: IdMerge,
    /// Only for a sandbox on this machine: `http://127.0.0.1:PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The project's data retention in days, if known: older rows are then rejected before sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// How a Mixpanel project knows that a device is a user's
/// (docs.mixpanel.com/docs/tracking-methods/id-management, 2026-08-21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdMerge {
    /// By events that have both ids. A device without a user is `$device:` and its id.
    #[default]
    Simplified,
    /// By being told (`kind: identities`). A device without a user is its id.
    Original,
}

impl IdMerge {
    fn is_simplified(&self) -> bool {
        *self == Self::Simplified
    }
}

/// Where the destination keeps the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    #[default]
    Us,
    /// European Union.
    Eu,
    /// India; Mixpanel only.
    In,
}
