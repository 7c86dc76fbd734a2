use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use zip::{CompressionMethod, ZipArchive};

use crate::control_files::is_control_file;
use crate::limits::{DECODED_BYTES_MAX, ZIP_MEMBERS_MAX};
use crate::refusal::Refusal;
use crate::source::Source;

/// Whether bytes are a zip archive: a local file header, or the end of an empty one.
pub(crate) fn is_zip(head: &[u8]) -> bool {
    matches!(head, [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..])
}

/// The files of a zip archive in the order of their names, each unpacked (also from gzip, as the archives of Amplitude's
/// Export API have it) and followed by a line end.
pub(crate) struct ZipMembers {
    source: Source,
    left: VecDeque<Member>,
    current: Option<Box<dyn Read + Send>>,
    decoded: u64,
}

struct Member {
    start: u64,
    length: u64,
    is_deflated: bool,
}

/// Buffer before a decompressor.
const INPUT_BUFFER_BYTES: usize = 128 << 10;

impl ZipMembers {
    pub(crate) fn open(source: &Source) -> io::Result<Self> {
        let broken = |error: zip::result::ZipError| {
            Refusal::new(format!("it is a zip archive that cannot be read ({error})"), "export it again").into_io()
        };
        let length = source.length()?;
        let whole = Piece { source: source.clone(), start: 0, at: 0, length };
        let mut archive = ZipArchive::new(BufReader::with_capacity(INPUT_BUFFER_BYTES, whole)).map_err(broken)?;
        if archive.len() > ZIP_MEMBERS_MAX {
            let cause = format!("it is a zip archive of more than {ZIP_MEMBERS_MAX} files");
            return Err(Refusal::new(cause, "unpack it, or export a shorter time").into_io());
        }
        let mut members = Vec::with_capacity(archive.len());
        for number in 0..archive.len() {
            let file = archive.by_index_raw(number).map_err(broken)?;
            let name = file.name().map_err(broken)?.into_owned();
            if file.is_dir() || is_control_file(&name) {
                continue;
            }
            let is_deflated = match file.compression() {
                CompressionMethod::Stored => false,
                CompressionMethod::Deflated => true,
                _ => {
                    let cause = "it is a zip archive with a compression that is not read";
                    return Err(Refusal::new(cause, "unpack it and export its files one by one").into_io());
                }
            };
            let start = file.data_start().ok_or_else(|| broken(zip::result::ZipError::FileNotFound))?;
            members.push((name, Member { start, length: file.compressed_size(), is_deflated }));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        let left = members.into_iter().map(|(_, member)| member).collect();
        Ok(Self { source: source.clone(), left, current: None, decoded: 0 })
    }

    fn next_member(&mut self) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(member) = self.left.pop_front() else { return Ok(None) };
        let piece = Piece { source: self.source.clone(), start: member.start, at: 0, length: member.length };
        let piece = BufReader::with_capacity(INPUT_BUFFER_BYTES, piece);
        let plain: Box<dyn Read + Send> =
            if member.is_deflated { Box::new(DeflateDecoder::new(piece)) } else { Box::new(piece) };
        let mut plain = BufReader::with_capacity(INPUT_BUFFER_BYTES, plain);
        let is_gzip = io::BufRead::fill_buf(&mut plain)?.starts_with(&[0x1f, 0x8b]);
        let lines: Box<dyn Read + Send> = if is_gzip { Box::new(MultiGzDecoder::new(plain)) } else { Box::new(plain) };
        Ok(Some(Box::new(lines.chain(&b"\n"[..]))))
    }
}

impl Read for ZipMembers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.current.is_none() {
                self.current = self.next_member()?;
            }
            let Some(current) = &mut self.current else { return Ok(0) };
            let read = current.read(buffer)?;
            self.decoded += read as u64;
            if self.decoded > DECODED_BYTES_MAX {
                let cause = format!("it decodes to more than {DECODED_BYTES_MAX} bytes");
                return Err(Refusal::new(cause, "export it in smaller files").into_io());
            }
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.current = None;
        }
    }
}

/// A stretch of the export's bytes.
struct Piece {
    source: Source,
    start: u64,
    at: u64,
    length: u64,
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = (self.length - self.at.min(self.length)).min(buffer.len() as u64) as usize;
        let bytes = self.source.read_at(self.start + self.at, wanted)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Piece {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
