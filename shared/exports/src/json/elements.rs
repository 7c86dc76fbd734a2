use driftless_core::json::skip_blank;
use memchr::{memchr, memchr2, memchr3};

use crate::records::{Span, Splitter};
use crate::refusal::Refusal;

/// Splits the elements of one array, or objects that follow each other with nothing but blanks between them.
pub(crate) struct Elements {
    place: Place,
    skipping: Skipping,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Objects without commas or brackets around them.
    Sequence,
    /// The opening bracket of the array.
    Open,
    /// The first element, or the end.
    First,
    /// A comma, or the end.
    Comma,
    /// An element.
    Element,
    /// Nothing but blanks.
    Tail,
}

const AGAIN: &str = "export it again; JSON lines (one object per line) lose only the broken line";

impl Elements {
    pub(crate) fn of_array() -> Self {
        Self { place: Place::Open, skipping: Skipping::default() }
    }

    pub(crate) fn of_sequence() -> Self {
        Self { place: Place::Sequence, skipping: Skipping::default() }
    }

    /// One step between elements: the place and byte after it, `None` when an element starts.
    fn step(&self, place: Place, byte: u8) -> Result<Option<Place>, Refusal> {
        match (place, byte) {
            (Place::Open, b'[') => Ok(Some(Place::First)),
            (Place::First, b']') | (Place::Comma, b']') => Ok(Some(Place::Tail)),
            (Place::Comma, b',') => Ok(Some(Place::Element)),
            (Place::Sequence, _) => Ok(None),
            (Place::First | Place::Element, b) if b != b',' && b != b']' && b != b'}' => Ok(None),
            (Place::Tail, _) => Err(Refusal::new("something follows the end of the JSON array", AGAIN)),
            (Place::Comma, _) => Err(Refusal::new("a comma is missing between elements of the JSON array", AGAIN)),
            _ => Err(Refusal::new("an element is missing in the JSON array", AGAIN)),
        }
    }
}

impl Splitter for Elements {
    fn split(&mut self, window: &[u8], is_all: bool, spans: &mut Vec<Span>) -> Result<usize, Refusal> {
        let mut used = 0;
        loop {
            let at = skip_blank(window, used);
            let Some(byte) = window.get(at) else {
                let is_whole = matches!(self.place, Place::Sequence | Place::Tail);
                if is_all && !is_whole && spans.is_empty() {
                    return Err(Refusal::new("the JSON array is not closed", AGAIN));
                }
                return Ok(window.len());
            };
            match self.step(self.place, *byte) {
                Ok(Some(next)) => {
                    self.place = next;
                    used = at + 1;
                }
                Ok(None) => match element_end(window, at, is_all, self.place) {
                    Some(end) => {
                        spans.push(Span::new(at, end));
                        used = end;
                        self.place = if self.place == Place::Sequence { Place::Sequence } else { Place::Comma };
                    }
                    // Broken to the end: one bad record.
                    None if is_all && self.place == Place::Sequence => {
                        spans.push(Span::new(at, window.len()));
                        return Ok(window.len());
                    }
                    None if is_all && spans.is_empty() => {
                        return Err(Refusal::new("the JSON array ends within an element", AGAIN));
                    }
                    // What was consumed must not fall between two windows: blanks before an element are kept with it.
                    None => return Ok(used),
                },
                Err(_) if !spans.is_empty() => return Ok(used),
                Err(refusal) => return Err(refusal),
            }
        }
    }

    fn begin_skip(&mut self) {
        self.skipping = Skipping { is_line: None, ..Skipping::default() };
    }

    fn skip(&mut self, piece: &[u8]) -> Option<usize> {
        let end = self.skipping.end(piece, self.place == Place::Sequence)?;
        if self.place != Place::Sequence {
            self.place = Place::Comma;
        }
        Some(end)
    }

    fn end_skip(&mut self) -> Result<(), Refusal> {
        match self.place {
            Place::Sequence => Ok(()),
            _ => Err(Refusal::new("the JSON array ends within an element", AGAIN)),
        }
    }
}

/// The end of the element at `at`, by its brackets and quotes alone; `None` if it is not in the window.
fn element_end(window: &[u8], at: usize, is_all: bool, place: Place) -> Option<usize> {
    match window.get(at) {
        Some(b'{') => balanced_end(window, at, b'{', b'}'),
        Some(b'[') => balanced_end(window, at, b'[', b']'),
        // In a sequence anything else is garbage: one bad record up to the end of the line.
        _ if place == Place::Sequence => memchr(b'\n', &window[at..]).map(|n| at + n),
        Some(b'"') => quote_end(window, at + 1),
        _ => {
            let end = window[at..].iter().position(|b| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n'));
            end.map(|n| at + n).or_else(|| is_all.then_some(window.len()))
        }
    }
}

/// The byte after the bracket that closes the one at `at`.
pub(super) fn balanced_end(window: &[u8], at: usize, open: u8, close: u8) -> Option<usize> {
    let (mut depth, mut from) = (1usize, at + 1);
    while depth > 0 {
        let hit = from + memchr3(b'"', open, close, window.get(from..)?)?;
        from = hit + 1;
        match window[hit] {
            b'"' => from = quote_end(window, from)?,
            byte if byte == open => depth += 1,
            _ => depth -= 1,
        }
    }
    Some(from)
}

fn quote_end(window: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let hit = from + memchr2(b'"', b'\\', window.get(from..)?)?;
        if window[hit] == b'"' {
            return Some(hit + 1);
        }
        from = hit + 2;
    }
}

/// The same, byte by byte over pieces: for elements that are too large to hold.
#[derive(Default)]
struct Skipping {
    is_line: Option<bool>,
    open: u8,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl Skipping {
    fn end(&mut self, piece: &[u8], is_sequence: bool) -> Option<usize> {
        for (n, byte) in piece.iter().enumerate() {
            if self.is_line.is_none() {
                if byte.is_ascii_whitespace() {
                    continue;
                }
                self.is_line = Some(is_sequence && !matches!(byte, b'{' | b'['));
                self.open = *byte;
            }
            if self.is_line == Some(true) {
                if *byte == b'\n' {
                    return Some(n);
                }
                continue;
            }
            if self.is_escaped {
                self.is_escaped = false;
                continue;
            }
            let close = match self.open {
                b'{' => b'}',
                b'[' => b']',
                _ => 0,
            };
            match *byte {
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => {
                    self.in_text = !self.in_text;
                    if !self.in_text && self.open == b'"' {
                        return Some(n + 1);
                    }
                }
                _ if self.in_text => {}
                byte if close != 0 && byte == self.open => self.depth += 1,
                byte if close != 0 && byte == close => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(n + 1);
                    }
                }
                b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if close == 0 => return Some(n),
                _ => {}
            }
        }
        None
    }
}
