use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use driftless_core::model::{Columns, Row, Value};
use driftless_core::ports::{RowBlock, RowResult};

use super::cells::Cells;

/// The rows of one Arrow batch.
pub(super) struct BatchBlock {
    pub(super) batch: RecordBatch,
    pub(super) first_row: u64,
    pub(super) columns: Arc<Columns>,
    /// Per column whether it holds UUIDs.
    pub(super) uuids: Arc<[bool]>,
}

impl RowBlock for BatchBlock {
    fn first_row(&self) -> u64 {
        self.first_row
    }

    fn rows(&self) -> u64 {
        self.batch.num_rows() as u64
    }

    fn bytes(&self) -> u64 {
        self.batch.get_array_memory_size() as u64
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let columns = self.batch.columns().iter().zip(self.uuids.iter());
        let cells: Vec<Cells<'_>> = columns.map(|(array, is_uuid)| Cells::of(array.as_ref(), *is_uuid)).collect();
        let mut values: Vec<Value<'_>> = Vec::with_capacity(cells.len());
        for n in 0..self.batch.num_rows() {
            let row = self.first_row + n as u64;
            if wanted(row) {
                values.clear();
                values.extend(cells.iter().map(|cells| cells.value(n)));
                visit(row, Ok(Row { columns: &self.columns, values: &values }));
            }
        }
    }
}
