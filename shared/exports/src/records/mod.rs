//! Text formats: bytes into blocks of whole records, which are parsed later, block by block.

mod block;
mod input;
mod reader;
mod splitter;

pub(crate) use block::{RecordParser, Records, Span};
pub(crate) use input::TextInput;
pub(crate) use reader::RecordReader;
pub(crate) use splitter::Splitter;

/// Sizes of reading. Tests make them small, so that every boundary is crossed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Decoded bytes of a block.
    pub(crate) block: usize,
    /// The longest record.
    pub(crate) record_max: usize,
    /// Decoded bytes that format and dialect are decided on.
    pub(crate) head: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        use crate::limits::{BLOCK_BYTES, RECORD_BYTES_MAX};
        Self { block: BLOCK_BYTES, record_max: RECORD_BYTES_MAX, head: BLOCK_BYTES }
    }
}
