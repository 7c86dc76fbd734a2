use driftless_core::model::CsvDialect;
use memchr::memchr;

use crate::refusal::Refusal;

/// A dialect as reading needs it: with the byte that ends the records of this export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) nulls: Vec<String>,
    /// Line feed (a carriage return before it belongs to it), or carriage return where there is no line feed at all.
    pub(crate) terminator: u8,
}

impl Dialect {
    /// The locked dialect, for an export that starts with these bytes.
    pub(crate) fn of(locked: &CsvDialect, head: &[u8]) -> Result<Self, Refusal> {
        let bytes = [Some(locked.delimiter), locked.quote, locked.escape];
        if bytes.iter().flatten().any(|b| !b.is_ascii() || matches!(b, b'\n' | b'\r' | 0))
            || locked.quote == Some(locked.delimiter)
        {
            return Err(Refusal::new(
                "the CSV dialect is impossible: delimiter, quote and escape must be different ASCII characters",
                "change source.csv",
            ));
        }
        Ok(Self {
            delimiter: locked.delimiter,
            quote: locked.quote,
            // An escape that is the quote itself is doubling.
            escape: locked.escape.filter(|escape| Some(*escape) != locked.quote),
            nulls: locked.nulls.clone(),
            terminator: terminator_of(head),
        })
    }
}

pub(super) fn terminator_of(head: &[u8]) -> u8 {
    if memchr(b'\n', head).is_none() && memchr(b'\r', head).is_some() { b'\r' } else { b'\n' }
}

/// A dialect in words, for reports.
pub(crate) fn dialect_words(dialect: &CsvDialect) -> String {
    let delimiter = match dialect.delimiter {
        b',' => "comma".to_string(),
        b'|' => "pipe".to_string(),
        b'\t' => "tab".to_string(),
        b';' => "semicolon".to_string(),
        b if b.is_ascii_graphic() => format!("delimiter {}", char::from(b)),
        b => format!("delimiter 0x{b:02x}"),
    };
    let quote = match dialect.quote {
        Some(b'"') => "",
        Some(b'\'') => ", single quotes",
        Some(_) => ", other quotes",
        None => ", no quotes",
    };
    let escape = if dialect.escape.is_some() { ", escapes" } else { "" };
    let header = if dialect.header { "header" } else { "no header" };
    format!("{delimiter}{quote}{escape}, {header}")
}
