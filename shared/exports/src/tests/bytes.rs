use std::cell::RefCell;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use driftless_core::config::CsvOptions;
use driftless_core::mapping::canonical_text;
use driftless_core::model::{RowError, SchemaLock, Value};
use driftless_core::ports::{ExportBytes, ExportError, RowFormats};

use crate::ExportFormats;

/// An export in memory that is read in pieces of the given lengths, over and over.
pub(super) struct Pieces {
    bytes: Cursor<Vec<u8>>,
    lengths: Vec<usize>,
    reads: usize,
    pub(super) is_pinned: bool,
    pub(super) fails_at: Option<u64>,
}

impl Pieces {
    pub(super) fn whole(bytes: &[u8]) -> Box<Self> {
        Self::of(bytes, vec![usize::MAX])
    }

    pub(super) fn of(bytes: &[u8], lengths: Vec<usize>) -> Box<Self> {
        Box::new(Self { bytes: Cursor::new(bytes.to_vec()), lengths, reads: 0, is_pinned: true, fails_at: None })
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fails_at.is_some_and(|at| self.bytes.position() >= at) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset"));
        }
        let length = self.lengths[self.reads % self.lengths.len()].max(1).min(buffer.len());
        self.reads += 1;
        self.bytes.read(&mut buffer[..length])
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl ExportBytes for Pieces {
    fn is_still_pinned(&mut self) -> io::Result<bool> {
        Ok(self.is_pinned)
    }
}

/// A row as columns and values in words, or the error.
pub(super) type Shown = Result<Vec<(String, String)>, RowError>;

pub(super) fn shown(value: &Value<'_>) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "float",
        Value::Number(_) => "number",
        Value::Text(_) => "text",
        Value::Timestamp { utc: true, .. } => "utc",
        Value::Timestamp { utc: false, .. } => "time",
        Value::Date(_) => "date",
        Value::Json(_) => "json",
    };
    canonical_text(value).map_or(kind.to_string(), |text| format!("{kind} {text}"))
}

/// All rows, and how reading ended.
pub(super) fn read(
    formats: &ExportFormats,
    bytes: Box<Pieces>,
    lock: &SchemaLock,
) -> (Vec<Shown>, Result<(), ExportError>) {
    let rows = RefCell::new(Vec::new());
    let end = (|| {
        let mut blocks = formats.open("an/export", bytes, lock)?;
        while let Some(block) = blocks.next_block()? {
            assert_eq!(block.first_row(), rows.borrow().len() as u64);
            let before = rows.borrow().len() as u64;
            block.visit(&|_| true, &mut |row, result| {
                assert_eq!(row, rows.borrow().len() as u64);
                let shown =
                    result.map(|row| row.columns.names.iter().cloned().zip(row.values.iter().map(shown)).collect());
                rows.borrow_mut().push(shown);
            });
            assert_eq!(rows.borrow().len() as u64 - before, block.rows());
            let last = block.first_row() + block.rows() - 1;
            let mut seen = Vec::new();
            block.visit(&|row| row == last, &mut |row, _| seen.push(row));
            assert_eq!(seen, [last]);
        }
        Ok(())
    })();
    (rows.into_inner(), end)
}

/// All rows of an export that is read whole.
pub(super) fn rows(formats: &ExportFormats, bytes: &[u8]) -> Vec<Shown> {
    let (rows, end) = read(formats, Pieces::whole(bytes), &SchemaLock::default());
    assert_eq!(end, Ok(()));
    rows
}

/// Rows without errors, each as `name=kind value` words.
pub(super) fn good(formats: &ExportFormats, text: &str) -> Vec<String> {
    let words =
        |row: Shown| row.unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    rows(formats, text.as_bytes()).into_iter().map(words).collect()
}

pub(super) fn default_formats() -> ExportFormats {
    ExportFormats::new(CsvOptions::default(), Default::default())
}

/// A compressor of whole texts.
pub(super) type Compress = fn(&[u8]) -> Vec<u8>;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

/// Compresses the two halves on their own and joins them.
pub(super) fn in_two_members(bytes: &[u8], compress: Compress) -> Vec<u8> {
    let (a, b) = bytes.split_at(bytes.len() / 2);
    [compress(a), compress(b)].concat()
}
