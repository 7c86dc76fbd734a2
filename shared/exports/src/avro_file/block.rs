use std::sync::Arc;

use driftless_core::model::{Columns, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::{RowBlock, RowResult};

use super::cursor::{Cursor, Fault};
use super::datum::{read, skip};
use super::schema::Schema;
use crate::limits::AVRO_EMPTY_ITEMS_MAX;

/// The rows of one Avro block.
pub(super) struct AvroBlock {
    schema: Arc<Schema>,
    columns: Arc<Columns>,
    bytes: Vec<u8>,
    /// Where each row starts, and the end of the last.
    starts: Vec<u32>,
    first_row: u64,
}

impl AvroBlock {
    /// Walks over all rows once, so that a damaged block is refused before any of its rows is used.
    pub(super) fn new(
        schema: Arc<Schema>,
        columns: Arc<Columns>,
        bytes: Vec<u8>,
        rows: u64,
        first_row: u64,
    ) -> Result<Self, Fault> {
        if rows > bytes.len() as u64 + AVRO_EMPTY_ITEMS_MAX {
            return Err("a block claims more rows than it can hold");
        }
        let mut starts = vec![0];
        let mut cursor = Cursor { bytes: &bytes };
        for _ in 0..rows {
            schema.fields.iter().try_for_each(|(_, field)| skip(&schema, field, &mut cursor, 0))?;
            starts.push(u32::try_from(bytes.len() - cursor.bytes.len()).map_err(|_| "a block is too large")?);
        }
        if !cursor.bytes.is_empty() {
            return Err("a block holds more than its rows");
        }
        Ok(Self { schema, columns, bytes, starts, first_row })
    }

    fn row<'b>(&'b self, start: u32, values: &mut Vec<Value<'b>>) -> Result<(), Fault> {
        values.clear();
        let mut cursor = Cursor { bytes: self.bytes.get(start as usize..).unwrap_or_default() };
        for (_, field) in &self.schema.fields {
            values.push(read(&self.schema, field, &mut cursor)?);
        }
        Ok(())
    }
}

impl RowBlock for AvroBlock {
    fn first_row(&self) -> u64 {
        self.first_row
    }

    fn rows(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let mut values = Vec::with_capacity(self.columns.names.len());
        let rows = (self.first_row..self.first_row + self.rows()).zip(&self.starts);
        for (row, start) in rows.filter(|(row, _)| wanted(*row)) {
            match self.row(*start, &mut values) {
                Ok(()) => visit(row, Ok(Row { columns: &self.columns, values: &values })),
                Err(what) => visit(row, Err(RowError::of_row(RowErrorCode::Malformed, what, "export it again"))),
            }
        }
    }
}
