use memchr::{memchr, memchr_iter};

use crate::records::{Span, Splitter};
use crate::refusal::Refusal;

/// Splits lines. Blank lines are no records.
pub(crate) struct Lines;

impl Splitter for Lines {
    fn split(&mut self, window: &[u8], is_all: bool, spans: &mut Vec<Span>) -> Result<usize, Refusal> {
        let mut start = 0;
        for end in memchr_iter(b'\n', window) {
            add(window, start, end, spans);
            start = end + 1;
        }
        if is_all {
            add(window, start, window.len(), spans);
            start = window.len();
        }
        Ok(start)
    }

    fn begin_skip(&mut self) {}

    fn skip(&mut self, piece: &[u8]) -> Option<usize> {
        memchr(b'\n', piece).map(|at| at + 1)
    }

    fn end_skip(&mut self) -> Result<(), Refusal> {
        Ok(())
    }
}

fn add(window: &[u8], start: usize, mut end: usize, spans: &mut Vec<Span>) {
    while end > start && window[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    if end > start {
        spans.push(Span::new(start, end));
    }
}
