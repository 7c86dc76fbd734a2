//! Writes a seeded data set of shop events.

use std::path::PathBuf;

use clap::Parser;
use driftless_benches::Result;
use driftless_benches::format::Format;
use driftless_benches::generate::{Plan, generate};

/// Write a seeded data set of shop events, the same rows in every format.
#[derive(Parser)]
struct Args {
    /// Rows of each format.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Seed of the rows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Files of each format.
    #[arg(long, default_value_t = 1)]
    files: usize,
    /// Folder that gets one folder per format.
    #[arg(long, default_value = "benches/data")]
    out: PathBuf,
    /// jsonl, csv (each also with .gz or .zst), parquet (snappy) or zstd.parquet.
    #[arg(long, value_delimiter = ',', default_value = "jsonl.gz,csv.gz,parquet")]
    format: Vec<Format>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let plan = Plan { rows: args.rows, seed: args.seed, files: args.files, out: args.out };
    for (format, data) in args.format.iter().zip(generate(&plan, &args.format)?) {
        println!("{format}: {} rows, {} file(s), {} bytes", plan.rows, data.files.len(), data.bytes);
    }
    Ok(())
}
