use driftless_core::config::{MixpanelConfig, Region};

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
}

impl MixpanelTarget {
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
        }
    }
}
