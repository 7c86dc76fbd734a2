//! npm's mixpanel-import, through `peer/mixpanel-import.mjs`.

use std::path::{Path, absolute};
use std::process::Command;

use super::{Input, Prepared, ToolOptions};
use crate::Result;

pub fn mixpanel_import(input: &Input, sink_url: &str, options: &ToolOptions) -> Result<Prepared> {
    let scratch = tempfile::tempdir()?;
    let package = match &options.peer_package {
        Some(package) => package.clone(),
        None => options.peer_dir.join("node_modules").join("mixpanel-import"),
    };
    let package = absolute(package)?;
    if !package.join("package.json").exists() {
        return Err(format!("no mixpanel-import: run `npm install` in {}", options.peer_dir.display()).into());
    }
    let (workers, high_water, level) = (options.peer_workers, options.peer_high_water, options.peer_level);
    let mut command = Command::new("node");
    command
        .arg(absolute(options.peer_dir.join("mixpanel-import.mjs"))?)
        .args(["--url", sink_url, "--format", input.format.family()])
        .args(["--workers", &workers.to_string()])
        .args(["--high-water", &high_water.to_string()])
        .args(["--level", &level.to_string()])
        .arg("--package")
        .arg(&package)
        .current_dir(scratch.path());
    for file in &input.files {
        command.arg(absolute(file)?);
    }
    let version = version(&package).unwrap_or_else(|| "?".to_owned());
    let settings = format!("version {version}, workers {workers}, highWater {high_water}, gzip level {level}");
    Ok(Prepared { command, settings, scratch })
}

fn version(package: &Path) -> Option<String> {
    let text = std::fs::read(package.join("package.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&text).ok()?;
    manifest.get("version")?.as_str().map(str::to_owned)
}
