use std::io::Read;

use driftless_core::ports::ExportError;

use crate::source::Source;

/// Decoded bytes, read ahead as far as someone wants to look.
pub(crate) struct TextInput {
    source: Source,
    decoded: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
    offset: u64,
}

impl TextInput {
    pub(crate) fn new(source: Source, decoded: Box<dyn Read + Send>) -> Self {
        Self { source, decoded, buffer: Vec::new(), start: 0, at_end: false, offset: 0 }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Decoded bytes before the next one.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `want` bytes, fewer only at the end, and whether they are all there is.
    pub(crate) fn window(&mut self, want: usize) -> Result<(&[u8], bool), ExportError> {
        self.fill(want)?;
        let left = self.buffer.len() - self.start;
        let is_all = self.at_end && left <= want;
        Ok((&self.buffer[self.start..self.start + left.min(want)], is_all))
    }

    /// The same bytes as the window of the same size before.
    pub(crate) fn seen(&self, length: usize) -> &[u8] {
        let end = self.buffer.len().min(self.start + length);
        &self.buffer[self.start..end]
    }

    fn fill(&mut self, want: usize) -> Result<(), ExportError> {
        // One byte more than wanted, to know whether more comes.
        while !self.at_end && self.buffer.len() - self.start <= want {
            let missing = want + 1 - (self.buffer.len() - self.start);
            if self.start > 0 && self.buffer.len() + missing > self.buffer.capacity() {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            self.buffer.reserve(missing);
            let before = self.buffer.len();
            let read = self.decoded.by_ref().take(missing as u64).read_to_end(&mut self.buffer);
            if let Err(error) = read {
                let place =
                    format!(", {} decoded bytes into it", self.offset + (self.buffer.len() - self.start) as u64);
                return Err(self.source.refuse_io(error, &place));
            }
            self.at_end = self.buffer.len() - before < missing;
        }
        Ok(())
    }

    /// Passes over bytes of the window.
    pub(crate) fn skip(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
        if self.start >= self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Takes bytes of the window.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let tail = self.buffer.len() - self.start - length;
        if self.start > 0 || tail > length {
            let taken = self.buffer[self.start..self.start + length].to_vec();
            self.skip(length);
            return taken;
        }
        let mut rest = Vec::with_capacity(self.buffer.capacity());
        rest.extend_from_slice(&self.buffer[length..]);
        self.offset += length as u64;
        let mut taken = std::mem::replace(&mut self.buffer, rest);
        taken.truncate(length);
        taken
    }
}

/// For binary formats within a stream: first what was read ahead, then the rest.
impl TextInput {
    pub(crate) fn into_reader(mut self) -> impl Read + Send {
        let ahead = self.buffer.split_off(self.start);
        std::io::Cursor::new(ahead).chain(self.decoded)
    }
}
