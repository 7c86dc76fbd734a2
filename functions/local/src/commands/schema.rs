use driftless_core::config::{project_schema, sync_schema};

use crate::cli::{Exit, Failure};

pub fn run(file: &str) -> Result<Exit, Failure> {
    let schema = if file == "project" { project_schema() } else { sync_schema() };
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(Exit::Done)
}
