use driftless_core::config::{IdMerge, MixpanelConfig, Region};
use driftless_core::protocol::limits::DAY_MS;

use super::limits::OLDEST_TIME_MS;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixpanelTarget {
    /// Name of the destination, for credentials.
    pub name: String,
    /// `https://api.mixpanel.com` and its siblings, or a sandbox.
    pub url: String,
    /// Project id, sent with a service account only: a token names its project, and a contradiction fails quietly.
    pub project_id: Option<String>,
    /// The project's retention, if known.
    pub retention_days: Option<u32>,
    /// How the project knows that a device is a user's.
    pub id_merge: IdMerge,
}

impl MixpanelTarget {
    /// From 1971 or the project's retention, up to now: a time in the next hour would be overwritten on arrival and the
    /// event would then never be found again, a later one is refused.
    pub fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        let retained = self.retention_days.map_or(OLDEST_TIME_MS, |days| now_ms - i64::from(days) * DAY_MS);
        (retained.max(OLDEST_TIME_MS), now_ms)
    }

    /// From the configuration of a destination.
    pub fn new(name: &str, config: &MixpanelConfig) -> Self {
        let host = match config.region {
            Region::Us => "https://api.mixpanel.com",
            Region::Eu => "https://api-eu.mixpanel.com",
            Region::In => "https://api-in.mixpanel.com",
        };
        Self {
            name: name.to_string(),
            url: config.url.clone().unwrap_or_else(|| host.to_string()).trim_end_matches('/').to_string(),
            project_id: config.service_account.as_ref().and(config.project_id.clone()),
            retention_days: config.retention_days,
            id_merge: config.id_merge,
        }
    }
}
