//! The measured tools: what each is called, and the command that sends one input to the sink.

mod driftless;
mod mixpanel_import;

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use tempfile::TempDir;

use crate::Result;
use crate::format::Format;

/// A tool that the runner measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// npm's mixpanel-import.
    MixpanelImport,
    /// Driftless itself.
    Driftless,
}

impl Tool {
    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::MixpanelImport => "mixpanel-import",
            Self::Driftless => "driftless",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        [Self::MixpanelImport, Self::Driftless]
            .into_iter()
            .find(|tool| tool.name() == text)
            .ok_or_else(|| format!("no tool {text:?}; there are mixpanel-import and driftless"))
    }
}

/// What Driftless makes of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Events of Mixpanel.
    Events,
    /// User profiles of Mixpanel, one of each row.
    Profiles,
    /// Events of Amplitude.
    AmplitudeEvents,
}

/// What a tool is to send.
#[derive(Debug, Clone)]
pub struct Input {
    /// Format of the files.
    pub format: Format,
    /// The files in row order.
    pub files: Vec<PathBuf>,
}

/// Where the tools are and how they are set.
#[derive(Debug, Clone)]
pub struct ToolOptions {
    /// The Driftless binary.
    pub driftless: PathBuf,
    /// Driftless keeps row state and drops events it sent before.
    pub row_state: bool,
    /// What Driftless makes of the rows.
    pub kind: Kind,
    /// Folder of the peer's script.
    pub peer_dir: PathBuf,
    /// Folder of the peer's package, when it isn't the one npm installed.
    pub peer_package: Option<PathBuf>,
    /// Parallel requests of the peer.
    pub peer_workers: u32,
    /// Rows that the peer's streams may hold.
    pub peer_high_water: u32,
    /// Gzip level of the peer.
    pub peer_level: u32,
}

/// A command that is ready to be measured. Its scratch folder goes when this is dropped.
pub struct Prepared {
    /// The command.
    pub command: Command,
    /// Its settings in words, for the results.
    pub settings: String,
    /// Holds what the command needs on disk.
    pub scratch: TempDir,
}

/// Prepares a fresh run of `tool` over `input` against the sink at `sink_url`.
pub fn prepare(tool: Tool, input: &Input, sink_url: &str, options: &ToolOptions) -> Result<Prepared> {
    match tool {
        Tool::MixpanelImport => mixpanel_import::mixpanel_import(input, sink_url, options),
        Tool::Driftless => driftless::driftless(input, sink_url, options),
    }
}
