use memchr::{memchr, memchr2};

use super::Dialect;
use crate::records::{Span, Splitter};
use crate::refusal::Refusal;

/// Splits CSV records: a line end counts only outside quotes and without an escape before it.
/// A quote opens a quoted field only where a field starts, exactly as the field reader sees it.
pub(crate) struct CsvSplitter {
    dialect: Dialect,
    skipping: Place,
}

/// Where the byte-by-byte walk over a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FieldStart,
    Field,
    Quoted,
    /// After a quote within a quoted field: its end, or a doubled quote.
    Closing,
    /// After an escape.
    Escaped {
        is_quoted: bool,
    },
}

impl CsvSplitter {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, skipping: Place::FieldStart }
    }

    /// The terminator of the record that starts at `start`; `None` if it is not in the window.
    fn terminator(&self, window: &[u8], start: usize) -> Option<usize> {
        let Dialect { delimiter, quote, escape, terminator, .. } = self.dialect;
        let mut at = start;
        let Some(quote) = quote else {
            let Some(escape) = escape else {
                return memchr(terminator, window.get(at..)?).map(|n| at + n);
            };
            loop {
                at += memchr2(terminator, escape, window.get(at..)?)?;
                if window[at] == terminator {
                    return Some(at);
                }
                at += 2;
            }
        };
        loop {
            at += memchr2(terminator, quote, window.get(at..)?)?;
            if window[at] == terminator {
                return Some(at);
            }
            if at > start && window[at - 1] != delimiter {
                at += 1;
                continue;
            }
            at = quoted_end(window, at + 1, quote, escape)?;
        }
    }
}

/// The byte after the quote that closes the field whose content starts at `at`.
fn quoted_end(window: &[u8], mut at: usize, quote: u8, escape: Option<u8>) -> Option<usize> {
    loop {
        let rest = window.get(at..)?;
        at += match escape {
            Some(escape) => memchr2(quote, escape, rest)?,
            None => memchr(quote, rest)?,
        };
        // An escape takes the next byte with it, and so does the first of two quotes.
        if window[at] == quote && *window.get(at + 1)? != quote {
            return Some(at + 1);
        }
        at += 2;
    }
}

impl Splitter for CsvSplitter {
    fn split(&mut self, window: &[u8], is_all: bool, spans: &mut Vec<Span>) -> Result<usize, Refusal> {
        let mut start = 0;
        while let Some(end) = self.terminator(window, start) {
            self.add(window, start, end, spans);
            start = end + 1;
        }
        if is_all {
            self.add(window, start, window.len(), spans);
            start = window.len();
        }
        Ok(start)
    }

    fn begin_skip(&mut self) {
        self.skipping = Place::FieldStart;
    }

    fn skip(&mut self, piece: &[u8]) -> Option<usize> {
        let Dialect { delimiter, quote, escape, terminator, .. } = self.dialect;
        for (n, byte) in piece.iter().enumerate() {
            let is_outside = !matches!(self.skipping, Place::Quoted | Place::Escaped { .. });
            if is_outside && *byte == terminator {
                return Some(n + 1);
            }
            self.skipping = match self.skipping {
                Place::Escaped { is_quoted: true } => Place::Quoted,
                Place::Escaped { is_quoted: false } => Place::Field,
                Place::Quoted if Some(*byte) == escape => Place::Escaped { is_quoted: true },
                Place::Quoted if Some(*byte) == quote => Place::Closing,
                Place::Quoted => Place::Quoted,
                Place::Closing | Place::FieldStart if Some(*byte) == quote => Place::Quoted,
                _ if *byte == delimiter => Place::FieldStart,
                _ if quote.is_none() && Some(*byte) == escape => Place::Escaped { is_quoted: false },
                _ => Place::Field,
            };
        }
        None
    }

    fn end_skip(&mut self) -> Result<(), Refusal> {
        match self.skipping {
            Place::Quoted | Place::Escaped { is_quoted: true } => Err(Refusal::new(
                "a quote is opened and never closed",
                "fix the export, or set source.csv.quote (the empty text if nothing is quoted)",
            )),
            _ => Ok(()),
        }
    }
}

impl CsvSplitter {
    /// Empty lines are no records.
    fn add(&self, window: &[u8], start: usize, mut end: usize, spans: &mut Vec<Span>) {
        if self.dialect.terminator == b'\n' && end > start && window[end - 1] == b'\r' {
            end -= 1;
        }
        if end > start {
            spans.push(Span::new(start, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dialect(quote: Option<u8>, escape: Option<u8>) -> Dialect {
        Dialect { delimiter: b',', quote, escape, nulls: Vec::new(), terminator: b'\n' }
    }

    fn records(text: &str, dialect: Dialect) -> Vec<&str> {
        let mut spans = Vec::new();
        CsvSplitter::new(dialect).split(text.as_bytes(), true, &mut spans).unwrap();
        spans.iter().map(|s| &text[s.start as usize..s.end as usize]).collect()
    }

    #[test]
    fn line_ends_in_quotes_do_not_count() {
        let quoted = dialect(Some(b'"'), None);
        assert_eq!(records("a,\"b\nc\"\r\n\n5\" x,d\ne", quoted.clone()), ["a,\"b\nc\"", "5\" x,d", "e"]);
        assert_eq!(records("\"a\"\"\nb\"\nc", quoted), ["\"a\"\"\nb\"", "c"]);
        assert_eq!(records("\"a\\\"\nb\"\nc", dialect(Some(b'"'), Some(b'\\'))), ["\"a\\\"\nb\"", "c"]);
        assert_eq!(records("a\\\nb\nc", dialect(None, Some(b'\\'))), ["a\\\nb", "c"]);
        assert_eq!(records("\"a\nb\"", dialect(None, None)), ["\"a", "b\""]);
    }

    proptest! {
        #[test]
        fn walking_and_searching_agree(text in r#"[a,"\\n
    ]{0,30}"#, has_quote: bool, has_escape: bool) {
            let dialect = dialect(has_quote.then_some(b'"'), has_escape.then_some(b'\\'));
            let mut splitter = CsvSplitter::new(dialect);
            let found = splitter.terminator(text.as_bytes(), 0).map(|n| n + 1);
            splitter.begin_skip();
            prop_assert_eq!(splitter.skip(text.as_bytes()), found, "{:?}", text);
        }
    }
}
