use std::path::Path;

use driftless_core::config::DestinationConfig;
use driftless_host::{Secrets, basic_auth};

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{number, table};
use crate::project::{Access, Place, Project};
use crate::secrets::LocalSecrets;

/// Exports listed per sync.
const LISTED_MAX: usize = 100_000;

/// Checks configuration, secrets and exports without sending anything.
pub async fn run(folder: &Path, json: bool) -> Result<Exit, Failure> {
    let project = Project::load(folder)?;
    let mut problems = Vec::new();
    let secrets = LocalSecrets { project: folder.to_path_buf() };
    for (name, destination) in &project.config.destinations {
        for (field, secret) in destination.secrets() {
            if let Err(cause) = secrets.resolve(secret).await {
                problems.push(format!("driftless.yaml: destinations.{name}.{field}: {cause}"));
            }
        }
        if let DestinationConfig::Mixpanel(config) = destination
            && let Err(cause) = basic_auth(config, &secrets).await
            && problems.is_empty()
        {
            problems.push(format!("driftless.yaml: destinations.{name}: {cause}"));
        }
    }
    if !project.exports().is_dir() {
        problems.push(format!("driftless.yaml: exports: {} is no folder", project.exports().display()));
    }
    if !problems.is_empty() {
        return Err(Failure::configuration(problems));
    }
    let (project, _) = open(&Place::Folder(folder.to_path_buf()), Access::Look, json).await?;
    let mut rows = table(&["sync", "kind", "mode", "destination", "exports", "control files"]);
    let mut all = Vec::new();
    for (name, (sync, ports)) in &project.syncs {
        let found = ports.exports.list(&sync.config.source.prefix, None, LISTED_MAX).await?;
        let control = found.iter().filter(|e| ports.formats.is_control_file(&e.key)).count();
        let exports = found.len() - control;
        rows.add_row([
            name.clone(),
            sync.config.kind.name().to_string(),
            sync.config.mode.name().to_string(),
            sync.config.destination.clone(),
            number(exports as u64),
            number(control as u64),
        ]);
        all.push(serde_json::json!({ "sync": name, "exports": exports, "control_files": control }));
    }
    if json {
        print_json(&all)?;
    } else {
        println!("{rows}");
        println!("the configuration is sound; see what a sync would do with driftless plan");
    }
    Ok(Exit::Done)
}
