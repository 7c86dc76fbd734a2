use std::collections::BTreeMap;

use super::{ConfigError, DestinationConfig, ProjectConfig, SyncConfig};

/// Checks the destinations of a project.
pub fn check_destinations(config: &ProjectConfig) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    for (name, destination) in &config.destinations {
        let DestinationConfig::Mixpanel(mixpanel) = destination;
        let mut problem = |field: &str, cause: &str| {
            problems.push(ConfigError::at("driftless.yaml", &format!("destinations.{name}{field}"), cause));
        };
        match (&mixpanel.service_account, &mixpanel.token) {
            (None, None) => problem("", "needs service_account (with project_id) or token"),
            (Some(_), _) if mixpanel.project_id.is_none() => problem(".project_id", "is needed with a service account"),
            _ => {}
        }
        if mixpanel.url.as_deref().is_some_and(|url| !is_sandbox(url)) {
            problem(
                ".url",
                "is only for a sandbox on this machine, as http://127.0.0.1:PORT; remove it and set region",
            );
        }
    }
    problems
}

/// Whether a URL stays on this machine: anything else could send data, or credentials, to a stranger.
fn is_sandbox(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    matches!(host, "127.0.0.1" | "localhost" | "[::1]") && port.parse::<u16>().is_ok()
}

/// Two syncs over the same exports to one destination would send every row twice.
pub fn check_overlaps(syncs: &BTreeMap<String, SyncConfig>) -> Vec<ConfigError> {
    let all: Vec<&SyncConfig> = syncs.values().collect();
    let mut problems = Vec::new();
    for (n, a) in all.iter().enumerate() {
        for b in &all[n + 1..] {
            let (pa, pb) = (&a.source.prefix, &b.source.prefix);
            let overlap = pa.starts_with(pb.as_str()) || pb.starts_with(pa.as_str());
            if a.destination == b.destination && a.namespace() == b.namespace() && a.kind == b.kind && overlap {
                problems.push(ConfigError::at(
                    &format!("syncs/{}.yaml", b.name),
                    "source.prefix",
                    format!(
                        "overlaps with that of sync {} under one namespace: their rows would overwrite each other",
                        a.name
                    ),
                ));
            }
            let same = a.destination == b.destination
                && overlap
                && a.kind == b.kind
                && a.events == b.events
                && a.profiles == b.profiles
                && a.lookup_table == b.lookup_table;
            if same && a.namespace() != b.namespace() {
                problems.push(ConfigError::at(
                    &format!("syncs/{}.yaml", b.name),
                    "source.prefix",
                    format!("overlaps with that of sync {}, with the same mapping and destination: rows would be sent twice", a.name),
                ));
            }
        }
    }
    problems
}
