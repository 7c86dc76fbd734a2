use std::sync::Arc;

use driftless_core::model::Envelope;
use driftless_core::ports::{ExportError, RowBlock, RowBlocks, RowResult};

use super::unwrap::Unwrapper;

/// The blocks of an export whose records hold several rows, or none. Rows are numbered through.
pub(crate) struct Expanded {
    blocks: Box<dyn RowBlocks>,
    unwrapper: Arc<Unwrapper>,
    next_row: u64,
}

impl Expanded {
    pub(crate) fn new(blocks: Box<dyn RowBlocks>, envelope: Envelope, keys: Arc<[String]>) -> Self {
        Self { blocks, unwrapper: Arc::new(Unwrapper::new(envelope, keys)), next_row: 0 }
    }
}

impl RowBlocks for Expanded {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        let Some(block) = self.blocks.next_block()? else { return Ok(None) };
        let mut expanded =
            Block { block, unwrapper: self.unwrapper.clone(), first_row: self.next_row, rows: u64::MAX >> 1 };
        let mut rows = 0;
        expanded.visit(&|_| true, &mut |_, _| rows += 1);
        expanded.rows = rows;
        self.next_row += rows;
        Ok(Some(Box::new(expanded)))
    }
}

struct Block {
    block: Box<dyn RowBlock>,
    unwrapper: Arc<Unwrapper>,
    first_row: u64,
    rows: u64,
}

impl RowBlock for Block {
    fn first_row(&self) -> u64 {
        self.first_row
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn bytes(&self) -> u64 {
        self.block.bytes()
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let (mut shapes, mut number) = (Vec::new(), self.first_row);
        let mut next = |row: RowResult<'_>| {
            if wanted(number) {
                visit(number, row);
            }
            number += 1;
        };
        self.block.visit(&|_| true, &mut |_, row| match row {
            Ok(row) => self.unwrapper.unwrap_all(row, &mut shapes, &mut next),
            Err(error) => next(Err(error)),
        });
    }
}
