//! Measures Driftless and its peer in one run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use driftless_benches::Result;
use driftless_benches::format::Format;
use driftless_benches::generate::Plan;
use driftless_benches::report::{Run, save, table};
use driftless_benches::runner::{Bench, expected, run};
use driftless_benches::tools::{Kind, Tool, ToolOptions};

/// Measure tools over the same rows against a counting sink on 127.0.0.1. Run it from the
/// workspace's root.
#[derive(Parser)]
struct Args {
    /// Tools: mixpanel-import, driftless.
    #[arg(long, value_delimiter = ',', default_value = "mixpanel-import,driftless")]
    tools: Vec<Tool>,
    /// Formats of the input.
    #[arg(long, value_delimiter = ',', default_value = "jsonl.gz,csv.gz,parquet")]
    inputs: Vec<Format>,
    /// Rows of each input.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Seed of the rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Files that the rows are spread over.
    #[arg(long, default_value_t = 1)]
    files: usize,
    /// Milliseconds before the sink answers; a list measures each.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    delay_ms: Vec<u64>,
    /// How often each case runs.
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Driftless drops events it sent before (dedupe: 30 days) instead of keeping no row state.
    #[arg(long)]
    row_state: bool,
    /// What Driftless makes of the rows; the peer sends events of Mixpanel.
    #[arg(long, default_value = "events")]
    kind: Kind,
    /// The Driftless binary.
    #[arg(long, default_value = "target/release/driftless")]
    driftless: PathBuf,
    /// Folder of the peer's script.
    #[arg(long, default_value = "benches/peer")]
    peer_dir: PathBuf,
    /// Folder of another mixpanel-import package than the one npm installed.
    #[arg(long)]
    peer_package: Option<PathBuf>,
    /// Parallel requests of the peer.
    #[arg(long, default_value_t = 10)]
    peer_workers: u32,
    /// Rows that the peer's streams may hold.
    #[arg(long, default_value_t = 20_000)]
    peer_high_water: u32,
    /// Gzip level of the peer.
    #[arg(long, default_value_t = 1)]
    peer_level: u32,
    /// Folder of the data sets; what is missing is generated.
    #[arg(long, default_value = "benches/data")]
    data: PathBuf,
    /// Folder of the result files.
    #[arg(long, default_value = "benches/results")]
    results: PathBuf,
    /// Seconds after which a run is stopped.
    #[arg(long, default_value_t = 900)]
    limit_s: u64,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let bench = Bench {
        plan: Plan { rows: args.rows, seed: args.seed, files: args.files, out: args.data },
        inputs: args.inputs,
        tools: args.tools,
        delays_ms: args.delay_ms,
        repeat: args.repeat,
        sink: std::env::current_exe()?.with_file_name("sink"),
        options: ToolOptions {
            driftless: args.driftless,
            row_state: args.row_state,
            kind: args.kind,
            peer_dir: args.peer_dir,
            peer_package: args.peer_package,
            peer_workers: args.peer_workers,
            peer_high_water: args.peer_high_water,
            peer_level: args.peer_level,
        },
        limit: Duration::from_secs(args.limit_s),
    };
    let runs = run(&bench)?;
    print!("{}", table(&runs));
    println!("saved to {}", save(&args.results, &runs)?.display());
    let fine = runs.len() == expected(&bench) && runs.iter().all(Run::complete);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
