//! Change logs that wrap each row: what is in the wrapping becomes the columns of the row, and beside them `__op` and
//! `__lsn`, as producers themselves name them when they unwrap.
//!
//! Shapes: debezium.io/documentation/reference/stable/connectors (change events), maxwells-daemon.io/dataformat,
//! docs.aws.amazon.com/dms/latest/userguide/CHAP_Target.Kafka.html (JSON messages), Oracle GoldenGate for Big Data's
//! JSON formatter; all read 2026-11.

mod detect;
mod expand;
mod position;
mod unwrap;

use std::sync::Arc;

use driftless_core::model::Envelope;
use driftless_core::ports::{ExportError, RowBlock, RowBlocks, RowResult};

pub(crate) use detect::envelope_of;
pub(crate) use expand::Expanded;
use unwrap::Unwrapper;

/// The blocks of an export with every row unwrapped.
pub(crate) struct Unwrapped {
    blocks: Box<dyn RowBlocks>,
    unwrapper: Arc<Unwrapper>,
}

impl Unwrapped {
    pub(crate) fn new(blocks: Box<dyn RowBlocks>, envelope: Envelope, keys: Arc<[String]>) -> Self {
        Self { blocks, unwrapper: Arc::new(Unwrapper::new(envelope, keys)) }
    }
}

impl RowBlocks for Unwrapped {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        let block = self.blocks.next_block()?;
        Ok(block.map(|block| Box::new(Block { block, unwrapper: self.unwrapper.clone() }) as Box<dyn RowBlock>))
    }
}

/// One block with every row unwrapped.
pub(crate) fn unwrapped(block: Box<dyn RowBlock>, envelope: Envelope) -> impl RowBlock {
    Block { block, unwrapper: Arc::new(Unwrapper::new(envelope, Arc::default())) }
}

struct Block {
    block: Box<dyn RowBlock>,
    unwrapper: Arc<Unwrapper>,
}

impl RowBlock for Block {
    fn first_row(&self) -> u64 {
        self.block.first_row()
    }

    fn rows(&self) -> u64 {
        self.block.rows()
    }

    fn bytes(&self) -> u64 {
        self.block.bytes()
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let mut shapes = Vec::new();
        self.block.visit(wanted, &mut |number, row| match row {
            Ok(row) => self.unwrapper.unwrap_all(row, &mut shapes, &mut |row| visit(number, row)),
            Err(error) => visit(number, Err(error)),
        });
    }
}
