//! Driftless itself, in a fresh project folder.

use std::fs;
use std::path::absolute;
use std::process::Command;

use super::{Input, Prepared, ToolOptions};
use crate::Result;

/// The sync of the bench, without its last line.
const SYNC: &str = "\
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
    fs::write(root.join("driftless.yaml"), project_yaml(sink_url))?;
    fs::write(root.join("syncs").join("bench.yaml"), sync_yaml(options.row_state))?;

    let mut command = Command::new(absolute(&options.driftless)?);
    command.args(["sync", "bench", "--json", "--project"]).arg(root).env("BENCH_TOKEN", "bench").current_dir(root);
    let settings = if options.row_state { "with row state" } else { "without row state" };
    Ok(Prepared { command, settings: settings.to_owned(), scratch: project })
}

/// Beside the data set, so that hard links work: they don't reach across file systems.
fn parent(input: &Input) -> Result<std::path::PathBuf> {
    let first = absolute(input.files.first().ok_or("no input file")?)?;
    first.ancestors().nth(2).map(Into::into).ok_or_else(|| "an input file without a folder".into())
}

fn project_yaml(sink_url: &str) -> String {
    format!(
        "exports: ./exports\nstate: ./.driftless\ndestinations:\n  product: {{ type: mixpanel, project_id: \"1\", token: \"env:BENCH_TOKEN\", url: \"{sink_url}\" }}\n"
    )
}

fn sync_yaml(row_state: bool) -> String {
    let dedupe = if row_state { "{ window_days: 30 }" } else { "off" };
    format!("{SYNC}dedupe: {dedupe}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_settings_of_both_cases() {
        assert!(sync_yaml(false).ends_with("json_properties: [extra]\ndedupe: off\n"));
        assert!(sync_yaml(true).ends_with("dedupe: { window_days: 30 }\n"));
        assert!(project_yaml("http://127.0.0.1:1").contains("url: \"http://127.0.0.1:1\""));
    }
}
