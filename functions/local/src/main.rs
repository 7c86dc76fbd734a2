//! `driftless`: see `driftless --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("DRIFTLESS_LOG"))
        .with_writer(std::io::stderr)
        .init();
    driftless::cli::run(driftless::cli::Cli::parse())
}

/// A reader that goes away, as `head` does, ends the command like its own end: printing is the last thing it does.
fn end_quietly_when_nobody_reads() {
    let otherwise = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if text.starts_with("failed printing to") && text.contains("Broken pipe") {
            std::process::exit(0);
        }
        otherwise(info);
    }));
}
