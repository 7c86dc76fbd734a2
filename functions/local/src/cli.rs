//! The command line: a contract. Names and meanings stay.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands;

/// Keeps Mixpanel and Amplitude equal to a data warehouse: plans the fewest changes, shows them, delivers them.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 held for approval, 4 done with rows in quarantine."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The project folder: driftless.yaml and syncs/*.yaml.
    #[arg(long, global = true, default_value = ".")]
    pub project: PathBuf,
    /// A deployed stack instead of a folder: its state, its exports, its published configuration.
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,
    /// Print JSON for programs instead of tables for people.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See the whole thing work, on example exports and a local sandbox: no account, no network.
    Demo {
        /// Keep the project folder here to play with it.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Write a project folder to start from.
    Init {
        /// Start from what another tool exports: Amplitude's history, GA4's tables in BigQuery, Segment's raw calls or
        /// warehouse tables, Snowplow's events.
        #[arg(long, value_parser = ["amplitude", "ga4", "segment", "segment-tables", "snowplow"])]
        from: Option<String>,
        /// How the Mixpanel project joins ids, as its settings say: original projects are told which device is whose.
        #[arg(long, default_value = "simplified")]
        id_merge: IdMerge,
    },
    /// Check the configuration, the secrets and the exports.
    Check,
    /// Show what a sync would do and what it would cost, without changing anything.
    Plan {
        /// Sync; all if none is named.
        sync: Option<String>,
    },
    /// Bring the destination up to date.
    Sync {
        /// Sync; all if none is named.
        sync: Option<String>,
        /// Go on whenever exports change.
        #[arg(long)]
        watch: bool,
    },
    /// Check a project folder and put it in force in a deployed stack (--stack). Runs under way keep the version they
    /// were planned under.
    Publish,
    /// Show where every sync stands.
    Status,
    /// Show the runs of a sync.
    Runs {
        /// Sync.
        sync: String,
        /// Runs shown, newest last.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show the rows in quarantine and why they are there.
    Failures {
        /// Sync.
        sync: String,
        /// Rows shown.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Send the rows in quarantine again, under the configuration as it is now.
    Replay {
        /// Sync.
        sync: String,
    },
    /// Show what is known of one row: its state, where it is at the destination, why it was refused.
    Why {
        /// Sync.
        sync: String,
        /// The values of the key columns, in their order; or an insert_id.
        #[arg(required = true)]
        key: Vec<String>,
    },
    /// Compare the exports with what the destination gives back, row by row.
    Verify {
        /// Sync.
        sync: String,
        /// Draw up a balance sheet as well: by event name and day, rows in the exports, left out, and counted at the
        /// destination.
        #[arg(long)]
        balance: bool,
    },
    /// Forget users: send nothing of them any more, whatever the exports hold, and ask the destinations to delete what
    /// they have. Without users: show how far earlier requests are.
    Forget {
        /// User ids as the exports have them.
        users: Vec<String>,
        /// A file with one user id a line.
        #[arg(long)]
        file: Option<PathBuf>,
        /// Who asks, for Amplitude's record.
        #[arg(long, default_value = "driftless")]
        requester: String,
    },
    /// Tell Mixpanel which properties of a profile_history sync have a history (experimental: the route is not
    /// documented). Once, before its first sync, and again for each property that is added.
    Define {
        /// Sync.
        sync: String,
    },
    /// Let a held run go.
    Approve {
        /// Sync.
        sync: String,
        /// Run; the held one if none is named.
        run: Option<u64>,
    },
    /// Drop a held run.
    Reject {
        /// Sync.
        sync: String,
        /// Run; the held one if none is named.
        run: Option<u64>,
    },
    /// Run a local stand-in for Mixpanel and Amplitude with their documented limits, checks and errors.
    Sandbox {
        /// Port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 8090)]
        port: u16,
        /// Keep what arrives in this file; in memory if none is named.
        #[arg(long)]
        store: Option<PathBuf>,
        /// Read Amplitude's mutation files from this folder, as its Mirror Sync would.
        #[arg(long, value_name = "FOLDER")]
        mutation_files: Option<PathBuf>,
        /// How its Mixpanel project joins ids.
        #[arg(long, default_value = "simplified")]
        id_merge: IdMerge,
        /// Answer this share of requests with 429 (0 to 1).
        #[arg(long, default_value_t = 0.0)]
        rate_429: f64,
        /// Answer this share of requests with a server error.
        #[arg(long, default_value_t = 0.0)]
        rate_5xx: f64,
        /// Take this share of requests but lose the answer.
        #[arg(long, default_value_t = 0.0)]
        lost_answer: f64,
        /// Wait so many milliseconds before answering.
        #[arg(long, default_value_t = 0)]
        latency_ms: u64,
        /// Seed of the faults.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Look at exports before anything of them is sent: events and properties by volume, distinct values and when they
    /// were last seen, and what is odd about their names.
    Audit {
        /// Exports whose key starts with this, under the project's `exports`.
        prefix: String,
        /// Column of the event name; found by name if none is given.
        #[arg(long)]
        event: Option<String>,
        /// Column of the time; found by name if none is given.
        #[arg(long)]
        time: Option<String>,
    },
    /// Print the warehouse's own statement and schedule that unload a table for a sync.
    UnloadSql {
        /// Sync.
        sync: String,
        /// Whose statement.
        #[arg(long)]
        warehouse: Warehouse,
        /// The table, as the warehouse names it; the sync's name if none is given.
        #[arg(long)]
        table: Option<String>,
    },
    /// Print the JSON Schema of driftless.yaml (project) or of syncs/*.yaml (sync).
    Schema {
        /// Which file.
        #[arg(value_parser = ["project", "sync"])]
        file: String,
    },
}

/// Warehouses that unload by a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Warehouse {
    /// Snowflake.
    Snowflake,
    /// BigQuery.
    Bigquery,
    /// Databricks.
    Databricks,
    /// Amazon Redshift.
    Redshift,
    /// PostgreSQL.
    Postgres,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0
    Done,
    /// 4
    Quarantine,
    /// 3
    Held,
    /// 1
    Failed,
    /// 2
    Configuration,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Configuration => 2,
            Self::Held => 3,
            Self::Quarantine => 4,
        }
    }
}

/// Why a command ended without doing its work.
#[derive(Debug)]
pub struct Failure {
    /// How it ends.
    pub exit: Exit,
    /// What to tell, one problem a line.
    pub lines: Vec<String>,
}

impl Failure {
    /// A usage or configuration error.
    pub fn configuration(lines: Vec<String>) -> Self {
        Self { exit: Exit::Configuration, lines }
    }

    /// Anything else.
    pub fn failed(line: impl ToString) -> Self {
        Self { exit: Exit::Failed, lines: vec![line.to_string()] }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::failed(error)
    }
}

/// Threads for work that blocks: jobs of planning, files, the database. More would gain no speed, and each keeps memory.
const BLOCKING_THREADS: usize = 12;

/// Runs a command and prints what went wrong.
pub fn run(cli: Cli) -> ExitCode {
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::from(Exit::Failed.code());
            }
        };
    let json = cli.json;
    let exit = match runtime.block_on(commands::dispatch(cli)) {
        Ok(exit) => exit,
        Err(failure) => {
            if json {
                println!("{}", serde_json::json!({ "errors": failure.lines }));
            }
            for line in &failure.lines {
                eprintln!("error: {line}");
            }
            failure.exit
        }
    };
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// How a Mixpanel project knows that a device is a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IdMerge {
    /// By events that have both ids.
    Simplified,
    /// By being told.
    Original,
}
