//! Writers: the same rows in every file format.

mod columnar;
mod packed;
mod text;

use std::path::Path;

pub use text::{csv_header, csv_line, json_line};

use crate::Result;
use crate::format::Format;
use crate::row::Row;

/// Takes rows and puts them into one file.
pub trait RowWriter {
    /// Adds one row.
    fn write(&mut self, row: &Row) -> Result<()>;
    /// Ends the file.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Opens a writer of `format` for a new file at `path`.
pub fn open(format: Format, path: &Path) -> Result<Box<dyn RowWriter>> {
    Ok(match format {
        Format::Jsonl(packing) => Box::new(text::TextWriter::json(path, packing)?),
        Format::Csv(packing) => Box::new(text::TextWriter::csv(path, packing)?),
        Format::Parquet(codec) => Box::new(columnar::ParquetWriter::create(path, codec)?),
    })
}
