use std::path::Path;

use driftless_core::config::SecretRef;
use driftless_host::RandomIds;

use super::print_json;
use crate::cli::{Exit, Failure};
use crate::output::count;
use crate::project::{Place, Project};
use crate::stack::connect;

/// Checks a project folder and puts it in force in a stack.
pub async fn run(folder: &Path, place: &Place, json: bool) -> Result<Exit, Failure> {
    let Place::Stack(name) = place else {
        return Err(Failure::configuration(vec!["publish needs --stack NAME, the stack to publish to".to_string()]));
    };
    let project = Project::load(folder)?;
    let problems = of_one_machine(&project);
    if !problems.is_empty() {
        return Err(Failure::configuration(problems));
    }
    let stack = connect(name).await?;
    let exports = format!("s3://{}/{}", stack.settings.exports_bucket, stack.settings.exports_prefix);
    if project.config.exports.trim_end_matches('/') != exports.trim_end_matches('/') {
        return Err(Failure::configuration(vec![format!(
            "driftless.yaml: exports: is {}, but stack {name} reads {exports}; write that",
            project.config.exports
        )]));
    }
    let (version, before) = stack.config_store().publish(&project.files, &RandomIds::new()).await?;
    if json {
        print_json(&serde_json::json!({
            "stack": name, "version": version, "before": before, "syncs": project.syncs.keys().collect::<Vec<_>>(),
        }))?;
    } else if before.as_ref() == Some(&version) {
        println!("{name}: version {version} is in force already");
    } else {
        let syncs = count(project.syncs.len() as u64, "sync");
        println!(
            "{name}: version {version} with {syncs} is in force; runs under way keep the version they were planned under"
        );
    }
    Ok(Exit::Done)
}

/// Secrets that no function can read, and folders that none can write to.
fn of_one_machine(project: &Project) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, destination) in &project.config.destinations {
        for (field, secret) in destination.secrets() {
            if let SecretRef::Env(_) | SecretRef::File(_) = secret {
                problems.push(format!(
                    "driftless.yaml: destinations.{name}.{field}: is of one machine; in a stack write secretsmanager:ARN or ssm:NAME"
                ));
            }
        }
        if destination.mutation_files().is_some_and(|to| !to.starts_with("s3://")) {
            problems.push(format!(
                "driftless.yaml: destinations.{name}.mutation_files.to: is a folder of one machine; in a stack write s3://BUCKET/PREFIX/"
            ));
        }
    }
    problems
}
