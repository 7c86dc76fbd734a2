//! CSV in every dialect that warehouses write.

mod detect;
mod dialect;
mod dms;
mod fields;
mod header;
mod options;
mod parser;
mod splitter;

pub(crate) use detect::detect;
pub(crate) use dialect::{Dialect, dialect_words};
pub(crate) use dms::{DMS_OP, dms_changes};
pub(crate) use header::{first_record, header_names, is_stray_header};
pub(crate) use parser::CsvParser;
pub(crate) use splitter::CsvSplitter;
