use super::Span;
use crate::refusal::Refusal;

/// Finds where the records of a text format end, as cheaply as the format allows.
pub(crate) trait Splitter: Send {
    /// Adds the whole records of `window`, which starts where a record or something between records starts, and returns
    /// how many of its bytes they take. `is_all`: nothing comes after the window.
    ///
    /// An error is returned only when no record comes before it; otherwise those records are returned first.
    fn split(&mut self, window: &[u8], is_all: bool, spans: &mut Vec<Span>) -> Result<usize, Refusal>;

    /// Starts to pass over a record that is too large to hold.
    fn begin_skip(&mut self);

    /// Passes over a piece of it; the number of bytes up to its end, if it ends in this piece.
    fn skip(&mut self, piece: &[u8]) -> Option<usize>;

    /// The export ended while passing over a record.
    fn end_skip(&mut self) -> Result<(), Refusal>;
}
