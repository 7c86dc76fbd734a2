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
}

const STARTS: [Start; 5] = [
    Start {
        tool: "amplitude",
        exports: "exports/amplitude",
        syncs: &[
            ("syncs/amplitude_events.yaml", include_str!("../../templates/amplitude_events.yaml")),
            ("syncs/amplitude_users.yaml", include_str!("../../templates/amplitude_users.yaml")),
            ("syncs/amplitude_companies.yaml", include_str!("../../templates/amplitude_companies.yaml")),
        ],
    },
    Start {
        tool: "ga4",
        exports: "exports/ga4",
        syncs: &[("syncs/ga4_events.yaml", include_str!("../../templates/ga4_events.yaml"))],
    },
    Start {
        tool: "segment",
        exports: "exports/segment",
        syncs: &[("syncs/segment_calls.yaml", include_str!("../../templates/segment_calls.yaml"))],
    },
    Start {
        tool: "segment-tables",
        exports: "exports/tracks",
        syncs: &[("syncs/segment_tracks.yaml", include_str!("../../templates/segment_tracks.yaml"))],
    },
    Start {
        tool: "snowplow",
        exports: "exports/snowplow",
        syncs: &[("syncs/snowplow_events.yaml", include_str!("../../templates/snowplow_events.yaml"))],
    },
];

/// Writes a project folder; an existing file is never overwritten.
pub fn run(folder: &Path, from: Option<&str>) -> Result<Exit, Failure> {
    let start = STARTS.iter().find(|start| Some(start.tool) == from);
    let (exports, syncs): (&str, &[(&str, &str)]) = match start {
        Some(start) => (start.exports, start.syncs),
        None => ("exports/purchases", &[("syncs/purchases.yaml", SYNC)]),
    };
    for (path, text) in [("driftless.yaml", PROJECT)].iter().chain(syncs) {
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
    std::fs::create_dir_all(folder.join(exports))?;
    println!("next: put exports into {}, then run driftless check and driftless plan", folder.join(exports).display());
    Ok(Exit::Done)
}
