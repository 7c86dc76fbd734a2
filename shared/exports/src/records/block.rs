use std::sync::Arc;

use driftless_core::model::{RowError, RowErrorCode};
use driftless_core::ports::{RowBlock, RowResult};

/// Where a record is in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// Blocks end far below 4 GB.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

/// Whole records of a text format.
pub(crate) struct Records {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    pub(crate) first_row: u64,
    pub(crate) record_max: usize,
}

impl Records {
    /// The wanted records with their row numbers. One that is too long is no record.
    pub(crate) fn wanted<'b>(
        &'b self,
        wanted: &'b dyn Fn(u64) -> bool,
    ) -> impl Iterator<Item = (u64, Result<&'b [u8], RowError>)> + 'b {
        (self.first_row..).zip(&self.spans).filter(move |(row, _)| wanted(*row)).map(|(row, span)| {
            let record = &self.bytes[span.start as usize..span.end as usize];
            let record = if record.len() > self.record_max { Err(too_long(self.record_max)) } else { Ok(record) };
            (row, record)
        })
    }
}

/// Turns records into rows.
pub(crate) trait RecordParser: Send + Sync {
    /// Parses the wanted records.
    fn visit(&self, records: &Records, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>));
}

/// Records and the parser for them.
pub(crate) struct TextBlock {
    pub(crate) records: Records,
    pub(crate) parser: Arc<dyn RecordParser>,
}

impl RowBlock for TextBlock {
    fn first_row(&self) -> u64 {
        self.records.first_row
    }

    fn rows(&self) -> u64 {
        self.records.spans.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.records.bytes.len() as u64
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        self.parser.visit(&self.records, wanted, visit);
    }
}

/// A record that was passed over because it is too long.
pub(crate) struct TooLong {
    pub(crate) row: u64,
    pub(crate) bytes: u64,
    pub(crate) record_max: usize,
}

impl RowBlock for TooLong {
    fn first_row(&self) -> u64 {
        self.row
    }

    fn rows(&self) -> u64 {
        1
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn visit(&self, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        if wanted(self.row) {
            visit(self.row, Err(too_long(self.record_max)));
        }
    }
}

fn too_long(record_max: usize) -> RowError {
    RowError::of_row(
        RowErrorCode::Malformed,
        format!("the record is longer than {record_max} bytes"),
        "leave large columns out of the export; if a quote is never closed, fix it or set source.csv.quote",
    )
}
