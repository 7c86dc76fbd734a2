use std::path::Path;

use driftless_core::config::{Complete, Feed, Kind, Mode, Schedule, SyncConfig};

use crate::cli::{Exit, Failure, Warehouse};
use crate::project::Project;

/// The statements of a warehouse: of a snapshot, of changes where it tells them, of new rows.
struct Statements {
    snapshot: &'static str,
    change: Option<&'static str>,
    append: &'static str,
    /// What proves the snapshot complete.
    proof: Complete,
    /// As it is written in a sync's file.
    proof_yaml: &'static str,
    /// Whether `complete: auto` finds it.
    is_found: bool,
}

const SNOWFLAKE: Statements = Statements {
    snapshot: include_str!("../../templates/unload/snowflake_snapshot.sql"),
    change: Some(include_str!("../../templates/unload/snowflake_change.sql")),
    append: include_str!("../../templates/unload/snowflake_append.sql"),
    proof: Complete::SuccessMarker,
    proof_yaml: "success_marker",
    is_found: true,
};
const BIGQUERY: Statements = Statements {
    snapshot: include_str!("../../templates/unload/bigquery_snapshot.sql"),
    change: Some(include_str!("../../templates/unload/bigquery_change.sql")),
    append: include_str!("../../templates/unload/bigquery_append.sql"),
    proof: Complete::QuietMinutes(15),
    proof_yaml: "{ quiet_minutes: 15 }",
    is_found: false,
};
const DATABRICKS: Statements = Statements {
    snapshot: include_str!("../../templates/unload/databricks_snapshot.sql"),
    change: Some(include_str!("../../templates/unload/databricks_change.sql")),
    append: include_str!("../../templates/unload/databricks_append.sql"),
    proof: Complete::Auto,
    proof_yaml: "auto",
    is_found: true,
};
const REDSHIFT: Statements = Statements {
    snapshot: include_str!("../../templates/unload/redshift_snapshot.sql"),
    change: None,
    append: include_str!("../../templates/unload/redshift_append.sql"),
    proof: Complete::Manifest,
    proof_yaml: "manifest",
    is_found: true,
};
const POSTGRES: Statements = Statements {
    snapshot: include_str!("../../templates/unload/postgres_snapshot.sql"),
    change: None,
    append: include_str!("../../templates/unload/postgres_append.sql"),
    proof: Complete::EachFile,
    proof_yaml: "each_file",
    is_found: false,
};

/// Prints the warehouse's own statement and schedule for a sync.
pub fn run(folder: &Path, name: &str, warehouse: Warehouse, table: Option<&str>) -> Result<Exit, Failure> {
    let project = Project::load(folder)?;
    let sync = project.syncs.get(name).ok_or_else(|| {
        let known: Vec<_> = project.syncs.keys().map(String::as_str).collect();
        Failure::configuration(vec![format!("there is no sync {name}; known: {}", known.join(", "))])
    })?;
    let statements = match warehouse {
        Warehouse::Snowflake => SNOWFLAKE,
        Warehouse::Bigquery => BIGQUERY,
        Warehouse::Databricks => DATABRICKS,
        Warehouse::Redshift => REDSHIFT,
        Warehouse::Postgres => POSTGRES,
    };
    let feed = feed_of(sync);
    let statement = match feed {
        Feed::Change => statements.change.ok_or_else(|| {
            Failure::configuration(vec![format!(
                "{warehouse:?} tells no changes by itself: use feed: snapshot, or a change log (AWS DMS, Debezium)"
            )])
        })?,
        Feed::Append => statements.append,
        Feed::Snapshot | Feed::Auto => statements.snapshot,
    };
    let root = match project.config.exports.as_str() {
        exports if exports.starts_with("s3://") => format!("{}/", exports.trim_end_matches('/')),
        _ => "s3://my-exports/".to_string(),
    };
    let (bucket, path) = root.trim_start_matches("s3://").split_once('/').unwrap_or_default();
    let time = sync.time().map_or("updated_at", |(_, time)| time.column.as_str());
    let (often, cron, unit) = match sync.schedule {
        Schedule::Daily => ("every day", "0 4 * * *", "day"),
        Schedule::OnChange | Schedule::Hourly | Schedule::Manual => ("every hour", "0 * * * *", "hour"),
    };
    let table = table.unwrap_or(name);
    let filled = [
        ("table", table),
        ("sync", name),
        ("root", &root),
        ("bucket", bucket),
        ("key", &format!("{path}{}", sync.source.prefix)),
        ("prefix", &sync.source.prefix),
        ("time", time),
        ("often", often),
        ("cron", cron),
        ("unit", unit),
    ]
    .into_iter()
    .fold(statement.to_string(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    if matches!(feed, Feed::Snapshot | Feed::Auto) {
        corrections(name, sync, &statements).iter().for_each(|line| println!("-- NOTE: {line}"));
    }
    print!("{filled}");
    Ok(Exit::Done)
}

/// What the sync reads, as far as its configuration tells.
fn feed_of(sync: &SyncConfig) -> Feed {
    match (sync.source.feed, sync.mode) {
        _ if sync.kind == Kind::LookupTable => Feed::Snapshot,
        (Feed::Auto, Mode::Append | Mode::OneTime) => Feed::Append,
        (Feed::Auto, Mode::Mirror) if sync.source.op.is_some() => Feed::Change,
        (Feed::Auto, Mode::Mirror | Mode::Full) => Feed::Snapshot,
        (feed, _) => feed,
    }
}

/// What in the sync's own file does not go with the statement of a snapshot.
fn corrections(name: &str, sync: &SyncConfig, statements: &Statements) -> Vec<String> {
    let source = &sync.source;
    let goes_along = match &source.complete {
        Complete::Auto => statements.is_found,
        // It says by itself when nothing more comes, whatever writes the files.
        Complete::QuietMinutes(_) | Complete::SyncNow => true,
        other => *other == statements.proof,
    };
    let mut lines = Vec::new();
    if !goes_along {
        let why = match &source.complete {
            Complete::Auto => "with auto nothing proves these exports complete, and nothing would be deleted",
            Complete::EachFile => {
                "with each_file one of the files would count as the whole, and the rows of the others be deleted"
            }
            _ => "what it waits for is not written by this statement",
        };
        lines.push(format!("write source.complete: {} in syncs/{name}.yaml; {why}", statements.proof_yaml));
    }
    if source.snapshot_folders > 0 {
        lines.push(format!(
            "source.snapshot_folders is {}: unload each part of the table into a folder of its own below {}",
            source.snapshot_folders, source.prefix
        ));
    }
    lines
}
