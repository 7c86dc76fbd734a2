//! Counts the events of a request body as cheaply as it can.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use memchr::memmem::Finder;

/// What every event or update of a JSON body holds once. Inside a string its quotes would be escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Events of `/import`, which may also be lines.
    Import,
    /// Updates of `/engage`.
    Profile,
    /// Events of Amplitude's `/batch`.
    Amplitude,
}

impl Mark {
    const ALL: [Self; 3] = [Self::Import, Self::Profile, Self::Amplitude];

    fn text(self) -> &'static [u8] {
        match self {
            Self::Import => b"\"$insert_id\"",
            Self::Profile => b"\"$distinct_id\"",
            Self::Amplitude => b"\"insert_id\"",
        }
    }
}

/// Size of the reused buffer that a body is inflated through: it stays in the CPU's cache.
const WINDOW: usize = 64 * 1024;

/// Counts bodies; one per connection, reusing its buffer.
pub struct BodyCounter {
    window: Vec<u8>,
    finders: [Finder<'static>; 3],
}

impl Default for BodyCounter {
    fn default() -> Self {
        Self { window: vec![0; WINDOW], finders: Mark::ALL.map(|mark| Finder::new(mark.text())) }
    }
}

impl BodyCounter {
    /// Events of one body: lines of NDJSON, or elements of JSON by their mark.
    pub fn count(&mut self, body: &[u8], gzip: bool, mark: Mark) -> io::Result<u64> {
        let finder = &self.finders[mark as usize];
        let kind = if mark == Mark::Import { Kind::Unknown } else { Kind::Marked };
        let mut stream = Stream { kind, ..Stream::default() };
        if !gzip {
            stream.feed(body, finder);
            return Ok(stream.finish());
        }
        let mut unzip = MultiGzDecoder::new(body);
        loop {
            let got = unzip.read(&mut self.window)?;
            if got == 0 {
                return Ok(stream.finish());
            }
            stream.feed(&self.window[..got], finder);
        }
    }
}

/// The state of one body between its pieces.
#[derive(Default)]
struct Stream {
    kind: Kind,
    events: u64,
    open_line: bool,
    tail: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Kind {
    #[default]
    Unknown,
    Lines,
    Marked,
}

impl Stream {
    fn feed(&mut self, piece: &[u8], finder: &Finder<'_>) {
        if self.kind == Kind::Unknown {
            self.kind = match piece.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => return,
                Some(b'[') => Kind::Marked,
                Some(_) => Kind::Lines,
            };
        }
        match self.kind {
            Kind::Marked => self.feed_marked(piece, finder),
            _ => {
                self.events += memchr::memchr_iter(b'\n', piece).count() as u64;
                self.open_line = piece.last().is_some_and(|last| *last != b'\n');
            }
        }
    }

    /// Counts the marks in a piece, and the one that may lie across the border to the piece before.
    fn feed_marked(&mut self, piece: &[u8], finder: &Finder<'_>) {
        let reach = finder.needle().len() - 1;
        if !self.tail.is_empty() {
            let before = self.tail.len();
            self.tail.extend_from_slice(&piece[..piece.len().min(reach)]);
            self.events += finder.find_iter(&self.tail).filter(|at| *at < before).count() as u64;
            self.tail.truncate(before);
        }
        self.events += finder.find_iter(piece).count() as u64;
        if piece.len() >= reach {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - reach..]);
        } else {
            self.tail.extend_from_slice(piece);
            let spare = self.tail.len().saturating_sub(reach);
            self.tail.drain(..spare);
        }
    }

    fn finish(&self) -> u64 {
        self.events + u64::from(self.open_line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn array(events: usize) -> String {
        let one = r#"{"event":"a","properties":{"$insert_id":"x","text":"a \"$insert_id\" b"}}"#;
        format!("[{}]", vec![one; events].join(","))
    }

    #[test]
    fn counts_lines_with_and_without_a_last_newline() {
        let mut counter = BodyCounter::default();
        assert_eq!(counter.count(b"{}\n{}\n", false, Mark::Import).unwrap(), 2);
        assert_eq!(counter.count(&gzip(b"{}\n{}\n{}"), true, Mark::Import).unwrap(), 3);
        assert_eq!(counter.count(b"", false, Mark::Import).unwrap(), 0);
    }

    #[test]
    fn counts_a_gzip_array_across_windows() {
        let body = array(2_000);
        assert!(body.len() > 2 * WINDOW);
        assert_eq!(BodyCounter::default().count(&gzip(body.as_bytes()), true, Mark::Import).unwrap(), 2_000);
    }

    #[test]
    fn counts_an_array_cut_into_pieces_of_any_size() {
        let body = array(7);
        let finder = Finder::new(Mark::Import.text());
        for size in 1..40 {
            let mut stream = Stream::default();
            body.as_bytes().chunks(size).for_each(|piece| stream.feed(piece, &finder));
            assert_eq!(stream.finish(), 7, "pieces of {size}");
        }
    }

    #[test]
    fn counts_by_the_mark_of_the_route() {
        let mut counter = BodyCounter::default();
        let updates = br#"[{"$distinct_id":"a","$set":{}},{"$distinct_id":"b","$set":{"$insert_id":1}}]"#;
        assert_eq!(counter.count(updates, false, Mark::Profile).unwrap(), 2);
        let events = gzip(br#"{"api_key":"k","events":[{"insert_id":"a"},{"insert_id":"b"},{"insert_id":"c"}]}"#);
        assert_eq!(counter.count(&events, true, Mark::Amplitude).unwrap(), 3);
    }

    #[test]
    fn refuses_a_broken_gzip_body() {
        let whole = gzip(b"{}\n{}\n");
        assert!(BodyCounter::default().count(&whole[..whole.len() - 4], true, Mark::Import).is_err());
    }
}
