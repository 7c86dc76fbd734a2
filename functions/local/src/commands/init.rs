use std::path::Path;

use crate::cli::{Exit, Failure};

const PROJECT: &str = include_str!("../../templates/driftless.yaml");
const SYNC: &str = include_str!("../../templates/purchases.yaml");
const AMPLITUDE_EVENTS: &str = include_str!("../../templates/amplitude_events.yaml");
const AMPLITUDE_USERS: &str = include_str!("../../templates/amplitude_users.yaml");
const AMPLITUDE_GROUPS: &str = include_str!("../../templates/amplitude_companies.yaml");

/// Writes a project folder; an existing file is never overwritten.
pub fn run(folder: &Path, from: Option<&str>) -> Result<Exit, Failure> {
    let (files, exports): (&[(&str, &str)], &str) = match from {
        Some(_) => (
            &[
                ("driftless.yaml", PROJECT),
                ("syncs/amplitude_events.yaml", AMPLITUDE_EVENTS),
                ("syncs/amplitude_users.yaml", AMPLITUDE_USERS),
                ("syncs/amplitude_companies.yaml", AMPLITUDE_GROUPS),
            ],
            "exports/amplitude",
        ),
        None => (&[("driftless.yaml", PROJECT), ("syncs/purchases.yaml", SYNC)], "exports/purchases"),
    };
    for (path, text) in files {
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
