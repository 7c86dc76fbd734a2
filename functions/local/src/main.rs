//! `driftless`: see `driftless --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("DRIFTLESS_LOG"))
        .with_writer(std::io::stderr)
        .init();
    driftless::cli::run(driftless::cli::Cli::parse())
}
