//! One file a command.

mod check;
mod decide;
pub mod failures;
mod init;
pub mod plan;
mod replay;
mod runs;
mod sandbox;
mod schema;
mod status;
pub mod sync;
pub mod verify;
mod why;

use std::path::Path;
use std::sync::Arc;

use driftless_core::ports::Observer;

use crate::cli::{Cli, Command, Exit, Failure};
use crate::progress::TerminalProgress;
use crate::project::{Access, OpenProject, Project};

/// Runs a command.
pub async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let (folder, json) = (cli.project, cli.json);
    match cli.command {
        Command::Demo { keep } => crate::demo::run(keep, json).await,
        Command::Init => init::run(&folder),
        Command::Schema { file } => schema::run(&file),
        Command::Sandbox { port, store, rate_429, rate_5xx, lost_answer, latency_ms, seed } => {
            sandbox::run(sandbox::Options { port, store, rate_429, rate_5xx, lost_answer, latency_ms, seed }, json)
                .await
        }
        Command::Check => check::run(&folder, json).await,
        Command::Plan { sync } => plan::run(&folder, sync, json).await,
        Command::Sync { sync, watch } => sync::run(&folder, sync, watch, json).await,
        Command::Status => status::run(&folder, json).await,
        Command::Runs { sync, limit } => runs::run(&folder, &sync, limit, json).await,
        Command::Failures { sync, limit } => failures::run(&folder, &sync, limit, json).await,
        Command::Replay { sync } => replay::run(&folder, &sync, json).await,
        Command::Why { sync, key } => why::run(&folder, &sync, key, json).await,
        Command::Verify { sync } => verify::run(&folder, &sync, json).await,
        Command::Approve { sync, run } => decide::run(&folder, &sync, run, true, json).await,
        Command::Reject { sync, run } => decide::run(&folder, &sync, run, false, json).await,
    }
}

/// Opens a project, with progress on a terminal unless a program reads along.
pub async fn open(folder: &Path, access: Access, json: bool) -> Result<(OpenProject, Arc<TerminalProgress>), Failure> {
    let progress = Arc::new(TerminalProgress::new(!json));
    let observer: Arc<dyn Observer> = progress.clone();
    Ok((Project::load(folder)?.open(access, observer).await?, progress))
}

/// The syncs a command is about.
pub fn chosen<'a>(project: &'a OpenProject, sync: &'a Option<String>) -> Result<Vec<&'a str>, Failure> {
    match sync {
        Some(name) => project.sync(name).map(|_| vec![name.as_str()]),
        None => Ok(project.syncs.keys().map(String::as_str).collect()),
    }
}

/// Prints JSON for a program.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
