use std::io::Read;

use crate::limits::{AVRO_BLOCK_BYTES_MAX, RATIO_FROM_BYTES, RATIO_MAX, ZSTD_WINDOW_LOG_MAX};

/// How the blocks of an Avro file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
}

impl Codec {
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"" | b"null" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            b"bzip2" => Self::Bzip2,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "uncompressed",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// A block's content, within the budgets.
    pub(super) fn decode(self, block: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Self::Null => Ok(block),
            Self::Deflate => bounded(flate2::bufread::DeflateDecoder::new(block.as_slice()), block.len()),
            Self::Bzip2 => bounded(bzip2::bufread::BzDecoder::new(block.as_slice()), block.len()),
            Self::Zstandard => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(block.as_slice()).map_err(|e| e.to_string())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|e| e.to_string())?;
                bounded(decoder, block.len())
            }
            Self::Snappy => snappy(&block),
        }
    }
}

const TOO_LARGE: &str = "a block decodes to more than is allowed";

fn bounded(decoder: impl Read, stored: usize) -> Result<Vec<u8>, String> {
    let budget = (AVRO_BLOCK_BYTES_MAX as u64).min(RATIO_FROM_BYTES.max(stored as u64 * RATIO_MAX));
    let mut decoded = Vec::new();
    decoder.take(budget + 1).read_to_end(&mut decoded).map_err(|error| error.to_string())?;
    if decoded.len() as u64 > budget { Err(TOO_LARGE.to_string()) } else { Ok(decoded) }
}

/// Raw snappy and the big-endian CRC-32 of the content.
fn snappy(block: &[u8]) -> Result<Vec<u8>, String> {
    let (data, sum) = block.split_last_chunk::<4>().ok_or("a block is too short")?;
    let length = snap::raw::decompress_len(data).map_err(|error| error.to_string())?;
    if length > AVRO_BLOCK_BYTES_MAX {
        return Err(TOO_LARGE.to_string());
    }
    let decoded = snap::raw::Decoder::new().decompress_vec(data).map_err(|error| error.to_string())?;
    let mut crc = flate2::Crc::new();
    crc.update(&decoded);
    if crc.sum() == u32::from_be_bytes(*sum) {
        Ok(decoded)
    } else {
        Err("the checksum of a block is wrong".to_string())
    }
}
