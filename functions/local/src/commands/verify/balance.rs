use std::collections::BTreeMap;

use driftless_core::model::RowErrorCode;
use driftless_core::protocol::limits::DAY_MS;
use driftless_core::protocol::{Tally, read_quarantine, tally};
use serde::Serialize;

use super::Compared;
use crate::cli::Failure;
use crate::output::{number, table};
use crate::project::OpenProject;

/// Quarantine files looked at.
const FILES_MAX: usize = 100_000;

/// Where every row of the exports went: in, left out, refused, and counted at the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Balance {
    rows: u64,
    left_out: u64,
    rejected: BTreeMap<String, u64>,
    refused: u64,
    days: Vec<Day>,
}

/// One event name on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Day {
    event: String,
    day: String,
    rows: u64,
    filtered: u64,
    repeated: u64,
    expected: u64,
    there: u64,
}

/// Draws it up from both sides.
pub(super) async fn of(project: &OpenProject, name: &str, compared: &Compared) -> Result<Balance, Failure> {
    let (sync, ports) = project.sync(name)?;
    let Tally { mut lines, left_out, rejected, rows } = tally(ports, sync).await.map_err(Failure::failed)?;
    let quarantined = read_quarantine(ports, name, FILES_MAX).await?;
    let is_refused = |code: RowErrorCode| code == RowErrorCode::RefusedByDestination;
    let refused = quarantined.iter().flat_map(|file| &file.rows).filter(|row| is_refused(row.error.code)).count();
    for place in compared.days.keys() {
        lines.entry(place.clone()).or_default();
    }
    let days = lines
        .into_iter()
        .map(|((event, day), line)| {
            let (expected, there) = compared.days.get(&(event.clone(), day)).copied().unwrap_or_default();
            let (rows, filtered, repeated) = (line.rows, line.filtered, line.repeated);
            Day { event, day: date(day), rows, filtered, repeated, expected, there }
        })
        .collect();
    Ok(Balance { rows, left_out, rejected, refused: refused as u64, days })
}

fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(day * DAY_MS).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%d").to_string()
}

/// For people: a line for each event name, and the days that do not add up.
pub(super) fn print(name: &str, balance: &Balance) {
    let mut rows = table(&["event", "days", "in exports", "filtered", "repeated", "to be there", "there", "missing"]);
    let mut names: BTreeMap<&str, (u64, Day)> = BTreeMap::new();
    for day in &balance.days {
        let (days, sum) = names.entry(&day.event).or_default();
        *days += 1;
        sum.rows += day.rows;
        sum.filtered += day.filtered;
        sum.repeated += day.repeated;
        sum.expected += day.expected;
        sum.there += day.there;
    }
    for (event, (days, sum)) in &names {
        let missing = sum.expected.saturating_sub(sum.there);
        let numbers = [*days, sum.rows, sum.filtered, sum.repeated, sum.expected, sum.there, missing].map(number);
        rows.add_row(std::iter::once((*event).to_string()).chain(numbers));
    }
    println!("{name}: balance of {} rows", number(balance.rows));
    println!("{rows}");
    for day in balance.days.iter().filter(|day| day.there != day.expected) {
        println!("  {} {}: {} of {} are there", day.day, day.event, number(day.there), number(day.expected));
    }
    if balance.left_out > 0 {
        println!("left out by the filter before mapping: {} rows", number(balance.left_out));
    }
    for (reason, count) in &balance.rejected {
        println!("rejected before sending, {reason}: {} rows", number(*count));
    }
    if balance.refused > 0 {
        println!("refused by the destination: {} rows (see driftless failures {name})", number(balance.refused));
    }
}
