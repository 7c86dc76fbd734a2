//! The part of HTTP/1.1 that the sink needs: a request head, and a body by length or in chunks.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest request head.
const MAX_HEAD: usize = 64 * 1024;
/// Longest body.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// By this many bytes.
    Fixed(usize),
    /// In chunks.
    Chunked,
}

/// What the sink reads of a request head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Method, as sent.
    pub method: String,
    /// Path without its query.
    pub path: String,
    /// Delimiter of the body.
    pub length: Length,
    /// The body is gzip.
    pub gzip: bool,
    /// The connection ends after the answer.
    pub close: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
}

/// Reads requests from one connection, with what came beyond a request kept for the next.
pub struct Requests<S> {
    stream: S,
    buffer: Vec<u8>,
    at: usize,
}

impl<S: AsyncRead + Unpin> Requests<S> {
    /// Starts on a fresh connection.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(64 * 1024), at: 0 }
    }

    /// The next head; `None` when the client ended the connection between requests.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        // Where to go on searching, counted from the first unread byte.
        let mut searched: usize = 0;
        loop {
            let from = self.at + searched.saturating_sub(3);
            if let Some(found) = memchr::memmem::find(&self.buffer[from..], b"\r\n\r\n") {
                let end = from + found;
                let head = parse_head(&self.buffer[self.at..end])?;
                self.at = end + 4;
                return Ok(Some(head));
            }
            if self.buffer.len() - self.at > MAX_HEAD {
                return Err(bad("request head too long"));
            }
            searched = self.buffer.len() - self.at;
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Reads the body into `body`, which is cleared first.
    pub async fn body(&mut self, length: Length, body: &mut Vec<u8>) -> io::Result<()> {
        body.clear();
        match length {
            Length::Fixed(length) => self.take(length, body).await,
            Length::Chunked => loop {
                let size = chunk_size(&self.line().await?)?;
                if size == 0 {
                    while !self.line().await?.is_empty() {}
                    return Ok(());
                }
                self.take(size, body).await?;
                if !self.line().await?.is_empty() {
                    return Err(bad("chunk longer than its size"));
                }
            },
        }
    }

    /// Adds exactly `length` bytes to `body`.
    async fn take(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
        if length > MAX_BODY || body.len() + length > MAX_BODY {
            return Err(bad("body too long"));
        }
        let ready = length.min(self.buffer.len() - self.at);
        body.extend_from_slice(&self.buffer[self.at..self.at + ready]);
        self.at += ready;
        let rest = (length - ready) as u64;
        if rest > 0 {
            body.reserve(rest as usize);
            let got = (&mut self.stream).take(rest).read_to_end(body).await? as u64;
            if got < rest {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// The next line, without its end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[self.at..]) {
                let line = &self.buffer[self.at..self.at + end];
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.at += end + 1;
                return Ok(line);
            }
            if self.buffer.len() - self.at > MAX_HEAD {
                return Err(bad("line too long"));
            }
            if !self.fill().await? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads more; moves what is unread to the front of the buffer. False at the end of the stream.
    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Head> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("request head is not text"))?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or("").split(' ');
    let (Some(method), Some(target), Some(version)) = (first.next(), first.next(), first.next()) else {
        return Err(bad("no request line"));
    };
    let mut head = Head {
        method: method.to_owned(),
        path: target.split('?').next().unwrap_or("").to_owned(),
        length: Length::Fixed(0),
        gzip: false,
        close: version == "HTTP/1.0",
        expects_continue: false,
    };
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| bad("header without a colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            if head.length != Length::Chunked {
                head.length = Length::Fixed(value.parse().map_err(|_| bad("content-length is not a number"))?);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(bad("transfer-encoding is not chunked"));
            }
            head.length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("content-encoding") {
            head.gzip = value.eq_ignore_ascii_case("gzip");
        } else if name.eq_ignore_ascii_case("connection") {
            head.close = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("expect") {
            head.expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
    }
    Ok(head)
}

fn chunk_size(line: &[u8]) -> io::Result<usize> {
    let text = std::str::from_utf8(line).map_err(|_| bad("chunk size is not text"))?;
    let size = text.split(';').next().unwrap_or("").trim();
    usize::from_str_radix(size, 16).map_err(|_| bad("chunk size is not a number"))
}

fn bad(text: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}
