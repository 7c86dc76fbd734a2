//! The file formats that the generator writes, by name.

use std::fmt;
use std::str::FromStr;

/// Compression of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As is.
    Plain,
    /// Gzip level 6.
    Gzip,
    /// Zstandard level 3.
    Zstd,
}

/// Compression inside a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Snappy.
    Snappy,
    /// Zstandard level 3.
    Zstd,
}

/// A file format with its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON lines; `extra` is a nested object.
    Jsonl(Packing),
    /// CSV with a header; `extra` is a JSON text.
    Csv(Packing),
    /// Parquet; `extra` is a JSON text.
    Parquet(Codec),
}

/// Every format under the name that the command line takes.
pub const FORMATS: [(&str, Format); 8] = [
    ("jsonl", Format::Jsonl(Packing::Plain)),
    ("jsonl.gz", Format::Jsonl(Packing::Gzip)),
    ("jsonl.zst", Format::Jsonl(Packing::Zstd)),
    ("csv", Format::Csv(Packing::Plain)),
    ("csv.gz", Format::Csv(Packing::Gzip)),
    ("csv.zst", Format::Csv(Packing::Zstd)),
    ("parquet", Format::Parquet(Codec::Snappy)),
    ("zstd.parquet", Format::Parquet(Codec::Zstd)),
];

impl Format {
    /// The name, which is also the ending of its files.
    pub fn name(self) -> &'static str {
        FORMATS.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The family: `jsonl`, `csv` or `parquet`.
    pub fn family(self) -> &'static str {
        match self {
            Self::Jsonl(_) => "jsonl",
            Self::Csv(_) => "csv",
            Self::Parquet(_) => "parquet",
        }
    }

    /// Name of the file with this number, from 1.
    pub fn file_name(self, number: usize) -> String {
        format!("events-{number:04}.{}", self.name())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        FORMATS.iter().find(|(name, _)| *name == text).map(|(_, format)| *format).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            format!("no format {text:?}; there are {}", names.join(", "))
        })
    }
}
