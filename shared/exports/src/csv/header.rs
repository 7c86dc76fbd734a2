use std::collections::{BTreeSet, HashSet};

use driftless_core::model::{ColumnType, CsvDialect};

use super::detect::fields;
use super::{CsvSplitter, Dialect};
use crate::limits::CSV_COLUMNS_MAX;
use crate::records::{Span, Splitter};
use crate::refusal::Refusal;
use crate::types::TypeGuess;

/// The first record of an export and the bytes up to its end.
pub(crate) fn first_record(
    head: &[u8],
    is_all: bool,
    dialect: &Dialect,
) -> Result<(Vec<Option<String>>, usize), Refusal> {
    let mut spans: Vec<Span> = Vec::new();
    let used = CsvSplitter::new(dialect.clone()).split(head, is_all, &mut spans)?;
    let Some(span) = spans.first() else {
        return Err(Refusal::new(
            "its first record is longer than what is read at a time",
            "check source.csv.quote: a quote may never be closed",
        ));
    };
    let record = &head[span.start as usize..span.end as usize];
    if record.contains(&0) {
        return Err(Refusal::new("its first line holds NUL bytes", "export as UTF-8 text"));
    }
    let Some(fields) = fields(record, dialect) else {
        return Err(Refusal::new(
            "its first line is not valid UTF-8 text, or its quotes do not match",
            "export as UTF-8, or set source.csv",
        ));
    };
    // Up to where the next record may start: after the terminator of the first.
    let end = spans.get(1).map_or(used, |next| next.start as usize);
    Ok((fields, end))
}

/// The column names of an export with a header. `known`: every column seen in the sync's exports so far.
pub(crate) fn header_names(first: Vec<Option<String>>, known: &BTreeSet<String>) -> Result<Vec<String>, Refusal> {
    let mut names: Vec<String> = Vec::with_capacity(first.len());
    let mut seen = HashSet::new();
    for (n, name) in first.into_iter().enumerate() {
        let name = name.filter(|name| !name.trim().is_empty()).ok_or_else(|| {
            Refusal::new(format!("column {} has no name in the header", n + 1), "name every column in the export")
        })?;
        if !seen.insert(name.clone()) {
            return Err(Refusal::new(
                format!("the header names column {} twice: {}", n + 1, shown(&name)),
                "give every column its own name in the export",
            ));
        }
        names.push(name);
    }
    check_width(names.len())?;
    if !known.is_empty() && !names.iter().any(|name| known.contains(name)) {
        return Err(Refusal::new(
            "its first line names none of the columns that earlier exports of this sync had, so it is probably no header",
            "export with the same header as before, or put exports without a header under a prefix of their own",
        ));
    }
    Ok(names)
}

/// A header name in a message: a name that is really data must not be shown whole.
fn shown(name: &str) -> String {
    let is_name = name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ' '));
    if is_name { name.to_string() } else { "(not shown)".to_string() }
}

fn check_width(columns: usize) -> Result<(), Refusal> {
    if columns > CSV_COLUMNS_MAX {
        return Err(Refusal::new(
            format!("it has {columns} columns, more than {CSV_COLUMNS_MAX}"),
            "export fewer columns, or check source.csv.delimiter",
        ));
    }
    Ok(())
}

/// The column names of an export without a header: the configured ones, else `c1` to `cn`.
pub(super) fn column_names(configured: &[String], width: usize) -> Result<Vec<String>, Refusal> {
    check_width(width)?;
    if configured.is_empty() {
        return Ok((1..=width).map(|n| format!("c{n}")).collect());
    }
    if configured.len() != width {
        return Err(Refusal::new(
            format!("source.csv.columns names {} columns, but the first record has {width}", configured.len()),
            "name exactly the columns of the export in source.csv.columns",
        ));
    }
    if configured.iter().collect::<BTreeSet<_>>().len() != configured.len() {
        return Err(Refusal::new("source.csv.columns names a column twice", "give every column its own name"));
    }
    Ok(configured.to_vec())
}

/// Whether an export of a sync without headers starts with one after all.
pub(crate) fn is_stray_header(first: &[Option<String>], locked: &CsvDialect) -> bool {
    let is_generated = locked.columns.first().is_some_and(|name| name == "c1");
    !is_generated
        && first.len() == locked.columns.len()
        && first.iter().all(|name| name.as_ref().is_some_and(|name| locked.columns.contains(name)))
}

/// Whether the first of these records names the columns of the others: none of its fields is a number, time or boolean,
/// none recurs below it, and the columns below are of other types; where everything is text, its fields must look like
/// names and differ from each other.
pub(super) fn looks_like_header(rows: &[Vec<Option<String>>]) -> bool {
    let Some((first, rest)) = rows.split_first() else {
        return true;
    };
    let is_text = |text: &str| {
        let mut guess = TypeGuess::default();
        guess.see(text);
        guess.column_type().is_none_or(|found| found == ColumnType::String) && !text.bytes().all(|b| b.is_ascii_digit())
    };
    if first.iter().flatten().any(|name| !is_text(name)) {
        return false;
    }
    let mut disagrees = false;
    for (column, name) in first.iter().enumerate() {
        let mut guess = TypeGuess::default();
        for value in rest.iter().filter_map(|row| row.get(column)).flatten() {
            if Some(value) == name.as_ref() {
                return false;
            }
            guess.see(value);
        }
        disagrees |= guess.column_type().is_some_and(|found| found != ColumnType::String);
    }
    let names: HashSet<&String> = first.iter().flatten().filter(|name| is_name(name)).collect();
    disagrees || names.len() == first.len()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$'))
        && text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '$' | ' ' | '.' | '(' | ')' | '/' | '%' | '#' | '-' | ':')
        })
}
