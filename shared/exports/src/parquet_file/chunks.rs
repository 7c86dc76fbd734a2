use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::limits::{PIECE_BYTES, PIECES_MAX};
use crate::source::Source;

/// Random access to an export for the Parquet reader. Columns are read side by side, so the pieces read last are kept.
#[derive(Clone)]
pub(super) struct Chunks {
    source: Source,
    length: u64,
    pieces: Arc<Mutex<VecDeque<(u64, Bytes)>>>,
}

impl Chunks {
    pub(super) fn new(source: Source) -> io::Result<Self> {
        let length = source.length()?;
        Ok(Self { source, length, pieces: Arc::default() })
    }

    fn piece(&self, number: u64) -> io::Result<Bytes> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = pieces.iter().position(|(n, _)| *n == number)
            && let Some(hit) = pieces.remove(at)
        {
            pieces.push_back(hit.clone());
            return Ok(hit.1);
        }
        let piece = Bytes::from(self.source.read_at(number * PIECE_BYTES as u64, PIECE_BYTES)?);
        if pieces.len() >= PIECES_MAX {
            pieces.pop_front();
        }
        pieces.push_back((number, piece.clone()));
        Ok(piece)
    }

    /// What one piece holds from an offset on; nothing beyond the end.
    fn rest_of_piece(&self, offset: u64) -> io::Result<Bytes> {
        if offset >= self.length {
            return Ok(Bytes::new());
        }
        let piece = self.piece(offset / PIECE_BYTES as u64)?;
        let within = (offset % PIECE_BYTES as u64) as usize;
        Ok(if within < piece.len() { piece.slice(within..) } else { Bytes::new() })
    }

    /// The bytes of a range, which must lie within the file.
    pub(super) fn range(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a part of the file lies beyond its end"));
        }
        let first = self.rest_of_piece(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let mut all = BytesMut::with_capacity(length);
        all.extend_from_slice(&first);
        while all.len() < length {
            let next = self.rest_of_piece(start + all.len() as u64)?;
            if next.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
            }
            all.extend_from_slice(&next[..next.len().min(length - all.len())]);
        }
        Ok(all.freeze())
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = ChunkCursor;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(ChunkCursor { chunks: self.clone(), at: start, rest: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.range(start, length).map_err(|error| ParquetError::General(error.to_string()))
    }
}

/// Reads on from an offset.
pub(super) struct ChunkCursor {
    chunks: Chunks,
    at: u64,
    rest: Bytes,
}

impl Read for ChunkCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.chunks.rest_of_piece(self.at)?;
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}
