use driftless_core::config::{AmplitudeConfig, Region};

/// Where requests go (amplitude.com/docs/apis/analytics/http-v2, /lookup-table-2, 2026-03-13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmplitudeTarget {
    /// Name of the destination, for credentials.
    pub name: String,
    /// Host of events and properties.
    pub ingestion_url: String,
    /// Host of lookup tables.
    pub data_url: String,
    /// Characters of an id, if not Amplitude's own.
    pub min_id_length: Option<u32>,
}

impl AmplitudeTarget {
    /// From the configuration of a destination.
    pub fn new(name: &str, config: &AmplitudeConfig) -> Self {
        let (ingestion, data) = match config.region {
            Region::Eu => ("https://api.eu.amplitude.com", "https://data-api.eu.amplitude.com"),
            Region::Us | Region::In => ("https://api2.amplitude.com", "https://data-api.amplitude.com"),
        };
        let at = |host: &str| config.url.as_deref().unwrap_or(host).trim_end_matches('/').to_string();
        Self {
            name: name.to_string(),
            ingestion_url: at(ingestion),
            data_url: at(data),
            min_id_length: config.min_id_length,
        }
    }
}
