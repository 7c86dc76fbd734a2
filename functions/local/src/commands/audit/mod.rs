//! `driftless audit`: what exports hold, before anything of them is sent.

mod names;
mod survey;

use driftless_core::model::SchemaLock;
use driftless_core::ports::{ExportError, Ports, run_on};
use serde_json::json;

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{number, table};
use crate::project::{Access, Place};
use survey::{Survey, Wanted};

/// Exports looked at.
const EXPORTS_MAX: usize = 1_000_000;
/// Exports listed in one page.
const PAGE: usize = 1_000;
/// Lines of each table; `--json` has all.
const SHOWN: usize = 40;
const DAY_MS: i64 = 86_400_000;

/// Surveys the exports under a prefix.
pub async fn run(
    place: &Place,
    prefix: &str,
    event: Option<String>,
    time: Option<String>,
    json: bool,
) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Look, json).await?;
    let mut survey = Survey::new(Wanted { event, time });
    let (mut exports, mut unread) = (0u64, Vec::new());
    let mut lock = SchemaLock::default();
    let mut after: Option<String> = None;
    'pages: loop {
        let page = project.ports.exports.list(prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for version in page {
            if project.ports.formats.is_control_file(&version.key) {
                continue;
            }
            if exports as usize == EXPORTS_MAX {
                break 'pages;
            }
            exports += 1;
            match look(&project.ports, &version, lock.clone(), survey).await? {
                (looked, Ok(known)) => (survey, lock) = (looked, known),
                (looked, Err(reason)) => {
                    survey = looked;
                    unread.push((version.key, reason));
                }
            }
        }
    }
    progress.clear();
    if exports == 0 {
        return Err(Failure::failed(format!("there are no exports under {prefix}")));
    }
    survey.sort();
    let oddities = names::oddities(&survey);
    if json {
        print_json(&json!({
            "exports": exports, "rows": survey.rows, "event_column": survey.event_column, "time_column": survey.time_column,
            "events": survey.events, "properties": survey.properties, "oddities": oddities, "unread": unread,
        }))?;
    } else {
        print(prefix, exports, &survey, &oddities, &unread);
    }
    Ok(if unread.is_empty() { Exit::Done } else { Exit::Failed })
}

type Looked = (Survey, Result<SchemaLock, String>);

/// Reads one export. The survey goes along, because reading blocks and runs elsewhere.
async fn look(
    ports: &Ports,
    version: &driftless_core::model::ExportVersion,
    lock: SchemaLock,
    mut survey: Survey,
) -> Result<Looked, Failure> {
    let (first, second) = (ports.exports.open(version).await, ports.exports.open(version).await);
    let (formats, key) = (ports.formats.clone(), version.key.clone());
    let job = move || {
        let read = |survey: &mut Survey| -> Result<SchemaLock, ExportError> {
            let lock = formats.inspect(&key, first?, &lock)?.lock;
            let mut blocks = formats.open(&key, second?, &lock)?;
            while let Some(block) = blocks.next_block()? {
                block.visit(&|_| true, &mut |_, row| match row {
                    Ok(row) => survey.take(row),
                    Err(_) => survey.unreadable_rows += 1,
                });
            }
            Ok(lock)
        };
        let read = read(&mut survey).map_err(|error| error.to_string());
        (survey, read)
    };
    run_on(&ports.compute, job).await.map_err(Failure::from)
}

fn print(prefix: &str, exports: u64, survey: &Survey, oddities: &[String], unread: &[(String, String)]) {
    println!("{prefix}: {} rows in {} exports", number(survey.rows), number(exports));
    let day = |at_ms: Option<i64>| {
        let at = at_ms.and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
        at.map_or_else(|| "-".to_string(), |at| at.strftime("%Y-%m-%d").to_string())
    };
    match &survey.event_column {
        Some(column) => println!(
            "events by column {column}, times by column {}",
            survey.time_column.as_deref().unwrap_or("(none found)")
        ),
        None => println!("no column of an event name was found; name one with --event"),
    }
    let newest = survey.events.iter().filter_map(|event| event.last_ms).max();
    let mut rows = table(&["event", "rows", "share", "first", "last", ""]);
    for event in survey.events.iter().take(SHOWN) {
        let is_stale =
            event.last_ms.zip(newest).is_some_and(|(last, newest)| newest - last > survey::STALE_DAYS * DAY_MS);
        rows.add_row([
            event.name.clone(),
            number(event.rows),
            format!("{:.1} %", event.rows as f64 * 100.0 / survey.rows.max(1) as f64),
            day(event.first_ms),
            day(event.last_ms),
            if is_stale { "stale".to_string() } else { String::new() },
        ]);
    }
    println!("{rows}");
    let mut rows = table(&["property", "filled", "share", "distinct values", "types", "last"]);
    for property in survey.properties.iter().take(SHOWN) {
        rows.add_row([
            property.name.clone(),
            number(property.filled),
            format!("{:.1} %", property.filled as f64 * 100.0 / survey.rows.max(1) as f64),
            if property.distinct_is_capped {
                format!("{}+", number(property.distinct))
            } else {
                number(property.distinct)
            },
            property.types.join(", "),
            day(property.last_ms),
        ]);
    }
    println!("{rows}");
    for (what, all) in [("events", survey.events.len()), ("properties", survey.properties.len())] {
        if all > SHOWN {
            println!("{SHOWN} of {all} {what} shown; --json has all");
        }
    }
    if survey.unreadable_rows > 0 {
        println!("{} rows cannot be read", number(survey.unreadable_rows));
    }
    for oddity in oddities {
        println!("note: {oddity}");
    }
    for (export, reason) in unread {
        println!("cannot be read: {export}: {reason}");
    }
}
