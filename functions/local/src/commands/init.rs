use std::path::Path;

use crate::cli::{Exit, Failure};

const PROJECT: &str = include_str!("../../templates/driftless.yaml");
const SYNC: &str = include_str!("../../templates/purchases.yaml");

/// Syncs to start from.
struct Start {
    /// What writes the exports.
    tool: &'static str,
    /// Where these go.
    exports: &'static str,
    /// Files and what they hold.
    syncs: &'static [(&'static str, &'static str)],
    /// Those that only a project with Original ID merge has.
    of_original: &'static [(&'static str, &'static str)],
}

/// Where nothing is named.
const FIRST: Start =
    Start { tool: "", exports: "exports/purchases", syncs: &[("syncs/purchases.yaml", SYNC)], of_original: &[] };

const STARTS: [Start; 5] = [
    Start {
        tool: "amplitude",
        exports: "exports/amplitude",
        syncs: &[
            ("syncs/amplitude_events.yaml", include_str!("../../templates/amplitude_events.yaml")),
            ("syncs/amplitude_users.yaml", include_str!("../../templates/amplitude_users.yaml")),
            ("syncs/amplitude_companies.yaml", include_str!("../../templates/amplitude_companies.yaml")),
        ],
        of_original: &[("syncs/amplitude_identities.yaml", include_str!("../../templates/amplitude_identities.yaml"))],
    },
    Start {
        tool: "ga4",
        exports: "exports/ga4",
        syncs: &[("syncs/ga4_events.yaml", include_str!("../../templates/ga4_events.yaml"))],
        of_original: &[],
    },
    Start {
        tool: "segment",
        exports: "exports/segment",
        syncs: &[("syncs/segment_calls.yaml", include_str!("../../templates/segment_calls.yaml"))],
        of_original: &[],
    },
    Start {
        tool: "segment-tables",
        exports: "exports/tracks",
        syncs: &[("syncs/segment_tracks.yaml", include_str!("../../templates/segment_tracks.yaml"))],
        of_original: &[],
    },
    Start {
        tool: "snowplow",
        exports: "exports/snowplow",
        syncs: &[("syncs/snowplow_events.yaml", include_str!("../../templates/snowplow_events.yaml"))],
        of_original: &[],
    },
];

/// The line of the project's file that says how it joins ids, as a comment and in force.
const ID_MERGE: (&str, &str) = ("# id_merge: original            #", "id_merge: original              #");

/// The line of the project's file with the token, as a comment and in force.
const TOKEN: (&str, &str) = ("# token: env:MIXPANEL_TOKEN     #", "token: env:MIXPANEL_TOKEN       #");

/// Writes a project folder; an existing file is never overwritten.
pub fn run(folder: &Path, from: Option<&str>, is_original: bool) -> Result<Exit, Failure> {
    let start = STARTS.iter().find(|start| Some(start.tool) == from).unwrap_or(&FIRST);
    let mut project = PROJECT.to_string();
    if is_original {
        project = project.replace(ID_MERGE.0, ID_MERGE.1);
    }
    if start.syncs.iter().any(|(_, sync)| sync.contains("_profiles\n")) {
        project = project.replace(TOKEN.0, TOKEN.1);
    }
    let more = if is_original { start.of_original } else { &[] };
    for (path, text) in [("driftless.yaml", project.as_str())].iter().chain(start.syncs).chain(more) {
        let path = folder.join(path);
        if path.exists() {
            return Err(Failure::configuration(vec![format!(
                "{} is there already; it was left as it is",
                path.display()
            )]));
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        println!("wrote {}", path.display());
    }
    let exports = folder.join(start.exports);
    std::fs::create_dir_all(&exports)?;
    println!("next: put exports into {}, then run driftless check and driftless plan", exports.display());
    Ok(Exit::Done)
}
