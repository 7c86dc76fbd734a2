//! Avro object container files (Avro specification 1.11): blocks of rows, decoded straight from their bytes when visited.

mod block;
mod codec;
mod cursor;
mod datum;
mod file;
mod schema;

pub(crate) use file::open;
