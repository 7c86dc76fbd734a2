use std::collections::BTreeMap;

use super::{ConfigError, DestinationConfig, MutationFilesConfig, ProjectConfig, Region, SyncConfig};

/// Checks the destinations of a project.
pub fn check_destinations(config: &ProjectConfig) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    for (name, destination) in &config.destinations {
        let mut problem = |field: &str, cause: &str| {
            problems.push(ConfigError::at("driftless.yaml", &format!("destinations.{name}{field}"), cause));
        };
        let url = match destination {
            DestinationConfig::Mixpanel(mixpanel) => {
                match (&mixpanel.service_account, &mixpanel.token) {
                    (None, None) => problem("", "needs service_account (with project_id) or token"),
                    (Some(_), _) if mixpanel.project_id.is_none() => {
                        problem(".project_id", "is needed with a service account")
                    }
                    _ => {}
                }
                &mixpanel.url
            }
            DestinationConfig::Amplitude(amplitude) => {
                if amplitude.region == Region::In {
                    problem(".region", "is us or eu: Amplitude has no other");
                }
                if amplitude.min_id_length.is_some_and(|length| length == 0 || length > AMPLITUDE_MIN_ID_LENGTH) {
                    problem(".min_id_length", "is from 1 to 5: Amplitude's own is 5");
                }
                if let Some(files) = &amplitude.mutation_files {
                    check_mutation_files(files, &config.exports, &mut problem);
                }
                &amplitude.url
            }
        };
        if url.as_deref().is_some_and(|url| !is_sandbox(url)) {
            problem(
                ".url",
                "is only for a sandbox on this machine, as http://127.0.0.1:PORT; remove it and set region",
            );
        }
    }
    problems
}

/// Where Amplitude reads them (amplitude.com/docs/data/source-catalog/amazon-s3, 2026-03-13).
fn check_mutation_files(files: &MutationFilesConfig, exports: &str, problem: &mut dyn FnMut(&str, &str)) {
    let bucket_of = |url: &str| url.strip_prefix("s3://").and_then(|rest| rest.split('/').next().map(String::from));
    if let Some(bucket) = bucket_of(&files.to) {
        if bucket.contains('.') {
            problem(".mutation_files.to", "names a bucket with dots, which Amplitude does not read");
        }
        if bucket_of(exports).as_ref() == Some(&bucket) {
            problem(
                ".mutation_files.to",
                "is the bucket of the exports, whose notifications Amplitude would take over; use another bucket",
            );
        }
        if !files.to.ends_with('/') {
            problem(".mutation_files.to", "must end with /, as the folder in Amplitude's source does");
        }
    } else if files.to.contains("://") {
        problem(".mutation_files.to", "is s3://BUCKET/PREFIX/, or a folder on one machine");
    } else if files.to.is_empty() {
        problem(".mutation_files.to", "names no folder");
    }
    let mut names: Vec<&String> = files.columns.values().collect();
    names.sort();
    names.dedup();
    if names.len() < files.columns.len() {
        problem(".mutation_files.columns", "gives two columns the same name");
    }
}

/// Characters of an id at Amplitude, unless it is told otherwise
/// (amplitude.com/docs/apis/analytics/http-v2, 2026-03-13).
pub const AMPLITUDE_MIN_ID_LENGTH: u32 = 5;

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
                && a.profile_history == b.profile_history
                && a.lookup_table == b.lookup_table
                && a.identities == b.identities;
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
