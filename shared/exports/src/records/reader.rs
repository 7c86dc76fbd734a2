use std::sync::Arc;

use driftless_core::ports::{ExportError, RowBlock, RowBlocks};

use super::block::{TextBlock, TooLong};
use super::{RecordParser, Records, Sizes, Splitter, TextInput};
use crate::refusal::Refusal;

/// Reads an export of records, block by block.
pub(crate) struct RecordReader {
    input: TextInput,
    splitter: Box<dyn Splitter>,
    parser: Arc<dyn RecordParser>,
    sizes: Sizes,
    next_row: u64,
    is_done: bool,
}

impl RecordReader {
    pub(crate) fn new(
        input: TextInput,
        splitter: Box<dyn Splitter>,
        parser: Arc<dyn RecordParser>,
        sizes: Sizes,
    ) -> Self {
        Self { input, splitter, parser, sizes, next_row: 0, is_done: false }
    }

    fn refuse(&self, refusal: Refusal) -> ExportError {
        let Refusal { cause, remedy } = refusal;
        let place = format!("{cause}, at row {} (byte {} of the decoded content)", self.next_row, self.input.offset());
        self.input.source().refuse(Refusal::new(place, remedy))
    }

    fn read(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        let mut want = self.sizes.block;
        let mut spans = Vec::new();
        loop {
            let (window, is_all) = self.input.window(want)?;
            let length = window.len();
            if length == 0 {
                // Whoever waits for more of its records says so by refusing the end.
                let end = self.splitter.split(&[], true, &mut spans);
                end.map_err(|refusal| self.refuse(refusal))?;
                self.input.source().check_pinned()?;
                return Ok(None);
            }
            let used = match self.splitter.split(window, is_all, &mut spans) {
                Ok(used) => used,
                Err(refusal) => return Err(self.refuse(refusal)),
            };
            if !spans.is_empty() {
                return Ok(Some(self.block(used, spans)));
            }
            if used > 0 {
                self.input.skip(used);
                want = self.sizes.block;
            } else if is_all {
                return Err(self.refuse(Refusal::new("the content ends within a record", "export it again")));
            } else if length > self.sizes.record_max {
                return self.pass_over().map(Some);
            } else {
                want += self.sizes.block;
            }
        }
    }

    fn block(&mut self, used: usize, spans: Vec<super::Span>) -> Box<dyn RowBlock> {
        let first_row = self.next_row;
        self.next_row += spans.len() as u64;
        let records = Records { bytes: self.input.take(used), spans, first_row, record_max: self.sizes.record_max };
        Box::new(TextBlock { records, parser: self.parser.clone() })
    }

    /// A record that is too long to hold: its bytes are dropped as they come.
    fn pass_over(&mut self) -> Result<Box<dyn RowBlock>, ExportError> {
        let before = self.input.offset();
        self.splitter.begin_skip();
        loop {
            let (piece, _) = self.input.window(self.sizes.block)?;
            if piece.is_empty() {
                let end = self.splitter.end_skip();
                end.map_err(|refusal| self.refuse(refusal))?;
                break;
            }
            let (length, end) = (piece.len(), self.splitter.skip(piece));
            self.input.skip(end.unwrap_or(length));
            if end.is_some() {
                break;
            }
        }
        let row = self.next_row;
        self.next_row += 1;
        Ok(Box::new(TooLong { row, bytes: self.input.offset() - before, record_max: self.sizes.record_max }))
    }
}

impl RowBlocks for RecordReader {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        if self.is_done {
            return Ok(None);
        }
        let block = self.read();
        self.is_done = !matches!(block, Ok(Some(_)));
        block
    }
}
