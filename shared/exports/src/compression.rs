use std::io::{self, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use crate::limits::{DECODED_BYTES_MAX, RATIO_FROM_BYTES, RATIO_MAX, ZSTD_WINDOW_LOG_MAX};
use crate::refusal::Refusal;
use crate::source::Source;

/// How the bytes of an export are compressed as a whole. Found from the first bytes, never from the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Snappy,
}

/// Buffer before a decompressor.
const INPUT_BUFFER_BYTES: usize = 128 << 10;

impl Compression {
    /// By magic bytes: RFC 1952, RFC 8878 (also its skippable frames), bzip2 block header, snappy framing format.
    pub(crate) fn of(head: &[u8]) -> Self {
        let is_bzip2_block =
            |at: &[u8]| at == [0x31, 0x41, 0x59, 0x26, 0x53, 0x59] || at == [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if rest.get(..6).is_some_and(is_bzip2_block) => Self::Bzip2,
            [0xff, 0x06, 0x00, 0x00, b's', b'N', b'a', b'P', b'p', b'Y', ..] => Self::Snappy,
            _ => Self::None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Snappy => "snappy",
        }
    }

    /// The decoded bytes: all members, frames and streams one after the other, within the budgets.
    pub(crate) fn decode<R: Read + Send + 'static>(
        self,
        bytes: R,
        source: &Source,
    ) -> io::Result<Box<dyn Read + Send>> {
        if self == Self::None {
            return Ok(Box::new(Budgeted::new(bytes, None)));
        }
        let bytes = BufReader::with_capacity(INPUT_BUFFER_BYTES, bytes);
        let source = Some(source.clone());
        Ok(match self {
            Self::None => Box::new(Budgeted::new(bytes, None)),
            Self::Gzip => Box::new(Budgeted::new(MultiGzDecoder::new(bytes), source)),
            Self::Bzip2 => Box::new(Budgeted::new(MultiBzDecoder::new(bytes), source)),
            Self::Snappy => Box::new(Budgeted::new(snap::read::FrameDecoder::new(bytes), source)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(Budgeted::new(decoder, source))
            }
        })
    }
}

/// Stops a decompression bomb: counts what comes out, and compares it with what went in.
struct Budgeted<R> {
    inner: R,
    source: Option<Source>,
    decoded: u64,
}

impl<R> Budgeted<R> {
    fn new(inner: R, source: Option<Source>) -> Self {
        Self { inner, source, decoded: 0 }
    }
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.decoded += read as u64;
        let Some(source) = &self.source else {
            return Ok(read);
        };
        if self.decoded > DECODED_BYTES_MAX {
            return Err(Refusal::new(
                format!("it decodes to more than {DECODED_BYTES_MAX} bytes"),
                "export it in smaller files",
            )
            .into_io());
        }
        if self.decoded > RATIO_FROM_BYTES && self.decoded / RATIO_MAX > source.bytes_read() {
            return Err(Refusal::new(
                format!("it decodes to more than {RATIO_MAX} times its size, which looks like a decompression bomb"),
                "export it again, uncompressed if its content really is that repetitive",
            )
            .into_io());
        }
        Ok(read)
    }
}
