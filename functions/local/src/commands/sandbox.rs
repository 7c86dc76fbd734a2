use std::path::PathBuf;

use driftless_sandbox::faults::FaultPlan;
use driftless_sandbox::mixpanel::auth::{IdMerge, Project};
use driftless_sandbox::server::{SandboxConfig, start};
use driftless_sandbox::store::StorePath;

use super::print_json;
use crate::cli::{self, Exit, Failure};

/// What the command line says.
pub struct Options {
    pub port: u16,
    pub store: Option<PathBuf>,
    pub mutation_files: Option<PathBuf>,
    pub id_merge: cli::IdMerge,
    pub faults: FaultPlan,
}

/// Runs the sandbox until it is stopped.
pub async fn run(options: Options, json: bool) -> Result<Exit, Failure> {
    let mut config = SandboxConfig::local(options.port);
    if let Some(path) = options.store {
        config.store = StorePath::File(path);
    }
    config.mutation_files = options.mutation_files;
    let id_merge = match options.id_merge {
        cli::IdMerge::Simplified => IdMerge::Simplified,
        cli::IdMerge::Original => IdMerge::Original,
    };
    config.projects = vec![Project { id_merge, ..Project::open() }];
    config.faults = options.faults;
    let sandbox = start(config).await?;
    if json {
        print_json(&serde_json::json!({ "url": sandbox.url() }))?;
    } else {
        println!("sandbox at {} (open it in a browser to see what arrives)", sandbox.url());
        println!(
            "use it with   destinations: {{ product: {{ type: mixpanel, token: env:ANY, url: \"{}\" }} }}",
            sandbox.url()
        );
        println!(
            "or with       destinations: {{ product: {{ type: amplitude, api_key: env:ANY, secret_key: env:ANY, url: \"{}\" }} }}",
            sandbox.url()
        );
        println!("stop it with Ctrl-C");
    }
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await?;
    Ok(Exit::Done)
}
