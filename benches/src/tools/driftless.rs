//! Driftless itself, in a fresh project folder.

use std::fs;
use std::path::absolute;
use std::process::Command;

use super::{Input, Kind, Prepared, ToolOptions};
use crate::Result;

/// The sync of the bench, without its last line.
const EVENTS: &str = "\
destination: product
kind: events
mode: append
source: { prefix: events/ }
events:
  name: { column: event_name }
  time: { column: created_at }
  user_id: customer_id
  insert_id: event_id
  json_properties: [extra]
";

/// The same columns as properties of as many users as there are rows.
const PROFILES: &str = "\
destination: product
kind: user_profiles
mode: append
source: { prefix: events/ }
profiles:
  id: event_id
  json_properties: [extra]
";

/// Prepares `driftless sync bench` over hard links (or copies) of the input's files.
pub fn driftless(input: &Input, sink_url: &str, options: &ToolOptions) -> Result<Prepared> {
    let project = tempfile::Builder::new().prefix(".bench-").tempdir_in(parent(input)?)?;
    let root = project.path();
    let events = root.join("exports").join("events");
    fs::create_dir_all(&events)?;
    for file in &input.files {
        let name = file.file_name().ok_or("an input file without a name")?;
        let link = events.join(name);
        fs::hard_link(file, &link).or_else(|_| fs::copy(file, &link).map(|_| ()))?;
    }
    fs::create_dir(root.join("syncs"))?;
    fs::write(root.join("driftless.yaml"), project_yaml(options.kind, sink_url))?;
    fs::write(root.join("syncs").join("bench.yaml"), sync_yaml(options))?;

    let mut command = Command::new(absolute(&options.driftless)?);
    command.args(["sync", "bench", "--json", "--project"]).arg(root).env("BENCH_TOKEN", "bench").current_dir(root);
    let what = match options.kind {
        Kind::Events => "",
        Kind::Profiles => "profiles, ",
        Kind::AmplitudeEvents => "Amplitude events, ",
    };
    let state = if options.row_state { "with row state" } else { "without row state" };
    Ok(Prepared { command, settings: format!("{what}{state}"), scratch: project })
}

/// Beside the data set, so that hard links work: they don't reach across file systems.
fn parent(input: &Input) -> Result<std::path::PathBuf> {
    let first = absolute(input.files.first().ok_or("no input file")?)?;
    first.ancestors().nth(2).map(Into::into).ok_or_else(|| "an input file without a folder".into())
}

fn project_yaml(kind: Kind, sink_url: &str) -> String {
    let destination = match kind {
        Kind::Events | Kind::Profiles => "type: mixpanel, project_id: \"1\", token: \"env:BENCH_TOKEN\"",
        Kind::AmplitudeEvents => "type: amplitude, api_key: \"env:BENCH_TOKEN\"",
    };
    format!(
        "exports: ./exports\nstate: ./.driftless\ndestinations:\n  product: {{ {destination}, url: \"{sink_url}\" }}\n"
    )
}

fn sync_yaml(options: &ToolOptions) -> String {
    let sync = if options.kind == Kind::Profiles { PROFILES } else { EVENTS };
    let dedupe = if options.row_state { "{ window_days: 30 }" } else { "off" };
    format!("{sync}dedupe: {dedupe}\n")
}
