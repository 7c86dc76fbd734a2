//! One file a command.

mod audit;
mod check;
mod decide;
mod define;
pub mod failures;
mod forget;
mod init;
pub mod plan;
mod publish;
mod replay;
mod runs;
mod sandbox;
mod schema;
mod status;
pub mod sync;
mod unload_sql;
pub mod verify;
mod why;

use std::sync::Arc;

use driftless_core::ports::Observer;
use driftless_sandbox::faults::FaultPlan;

use crate::cli::{Cli, Command, Exit, Failure, IdMerge};
use crate::progress::TerminalProgress;
use crate::project::{Access, OpenProject, Place, Project};
use crate::stack::open_stack;

/// Runs a command.
pub async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let (folder, json) = (cli.project, cli.json);
    if let (Some(_), Some(word)) = (&cli.stack, of_one_machine(&cli.command)) {
        return Err(Failure::configuration(vec![format!("--stack: {word}")]));
    }
    let place = match cli.stack {
        Some(name) => Place::Stack(name),
        None => Place::Folder(folder.clone()),
    };
    match cli.command {
        Command::Demo { keep } => crate::demo::run(keep, json).await,
        Command::Init { from, id_merge } => init::run(&folder, from.as_deref(), id_merge == IdMerge::Original),
        Command::Schema { file } => schema::run(&file),
        Command::Sandbox {
            port,
            store,
            mutation_files,
            id_merge,
            rate_429,
            rate_5xx,
            lost_answer,
            latency_ms,
            seed,
        } => {
            let faults = FaultPlan { seed, rate_429, rate_5xx, lost_answer, latency_ms, ..FaultPlan::default() };
            sandbox::run(sandbox::Options { port, store, mutation_files, id_merge, faults }, json).await
        }
        Command::Audit { prefix, event, time } => audit::run(&place, &prefix, event, time, json).await,
        Command::UnloadSql { sync, warehouse, table } => unload_sql::run(&folder, &sync, warehouse, table.as_deref()),
        Command::Check => check::run(&folder, json).await,
        Command::Plan { sync } => plan::run(&place, sync, json).await,
        Command::Sync { sync, watch } => sync::run(&place, sync, watch, json).await,
        Command::Publish => publish::run(&folder, &place, json).await,
        Command::Status => status::run(&place, json).await,
        Command::Runs { sync, limit } => runs::run(&place, &sync, limit, json).await,
        Command::Failures { sync, limit } => failures::run(&place, &sync, limit, json).await,
        Command::Replay { sync } => replay::run(&place, &sync, json).await,
        Command::Why { sync, key } => why::run(&place, &sync, key, json).await,
        Command::Verify { sync, balance } => verify::run(&place, &sync, balance, json).await,
        Command::Forget { users, file, requester } => forget::run(&place, users, file, &requester, json).await,
        Command::Define { sync } => define::run(&place, &sync, json).await,
        Command::Approve { sync, run } => decide::run(&place, &sync, run, true, json).await,
        Command::Reject { sync, run } => decide::run(&place, &sync, run, false, json).await,
    }
}

/// Why a command has nothing to do with a stack, if it has not.
fn of_one_machine(command: &Command) -> Option<&'static str> {
    match command {
        Command::Demo { .. } | Command::Init { .. } | Command::Schema { .. } | Command::Sandbox { .. } => {
            Some("this command is of one machine")
        }
        Command::UnloadSql { .. } => Some("unload-sql reads a project folder"),
        Command::Check => Some("check reads a project folder; publish checks it too"),
        Command::Sync { watch: true, .. } => Some("a stack watches by itself; leave out --watch"),
        _ => None,
    }
}

/// Opens a project, with progress on a terminal unless a program reads along.
pub async fn open(place: &Place, access: Access, json: bool) -> Result<(OpenProject, Arc<TerminalProgress>), Failure> {
    let progress = Arc::new(TerminalProgress::new(!json));
    let observer: Arc<dyn Observer> = progress.clone();
    let project = match place {
        Place::Folder(folder) => Project::load(folder)?.open(access, observer).await?,
        Place::Stack(name) => open_stack(name, observer).await?,
    };
    Ok((project, progress))
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
