//! JSON lines and CSV.

use std::fmt::Write as _;
use std::path::Path;

use super::RowWriter;
use super::packed::Packed;
use crate::Result;
use crate::format::Packing;
use crate::row::{COLUMNS, Row};

/// How much text is gathered before it goes to the compressor.
const BLOCK: usize = 1 << 17;

/// Adds one row as one line.
type Line = fn(&mut String, &Row);

/// Writes rows as lines of text.
pub struct TextWriter {
    out: Packed,
    line: Line,
    block: String,
}

impl TextWriter {
    /// JSON lines at `path`.
    pub fn json(path: &Path, packing: Packing) -> Result<Self> {
        Ok(Self { out: Packed::create(path, packing)?, line: json_line, block: String::new() })
    }

    /// CSV with a header at `path`.
    pub fn csv(path: &Path, packing: Packing) -> Result<Self> {
        Ok(Self { out: Packed::create(path, packing)?, line: csv_line, block: csv_header() })
    }
}

impl RowWriter for TextWriter {
    fn write(&mut self, row: &Row) -> Result<()> {
        (self.line)(&mut self.block, row);
        if self.block.len() >= BLOCK {
            self.out.write_all(self.block.as_bytes())?;
            self.block.clear();
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.write_all(self.block.as_bytes())?;
        Ok(self.out.finish()?)
    }
}

/// One row as a line of JSON, with `extra` nested.
pub fn json_line(out: &mut String, row: &Row) {
    json_text(out, "{\"event_id\":", &row.event_id);
    json_text(out, ",\"customer_id\":", &row.customer_id);
    json_text(out, ",\"created_at\":", &row.created_at);
    json_text(out, ",\"event_name\":", row.event_name);
    json_text(out, ",\"session_id\":", &row.session_id);
    json_text(out, ",\"page_url\":", &row.page_url);
    match row.referrer {
        Some(referrer) => json_text(out, ",\"referrer\":", referrer),
        None => out.push_str(",\"referrer\":null"),
    }
    json_text(out, ",\"product_id\":", &row.product_id);
    json_text(out, ",\"product_name\":", &row.product_name);
    json_text(out, ",\"category\":", row.category);
    let _ = write!(out, ",\"price\":{},\"quantity\":{}", row.price, row.quantity);
    json_text(out, ",\"currency\":", row.currency);
    json_text(out, ",\"country\":", row.country);
    json_text(out, ",\"device\":", row.device);
    let _ = writeln!(out, ",\"is_member\":{},\"extra\":{}}}", row.is_member, row.extra);
}

fn json_text(out: &mut String, key: &str, text: &str) {
    out.push_str(key);
    out.push('"');
    for part in text.split_inclusive(['"', '\\']) {
        let (rest, escaped) = match part.as_bytes().last() {
            Some(b'"') => (&part[..part.len() - 1], "\\\""),
            Some(b'\\') => (&part[..part.len() - 1], "\\\\"),
            _ => (part, ""),
        };
        out.push_str(rest);
        out.push_str(escaped);
    }
    out.push('"');
}

/// The CSV header line.
pub fn csv_header() -> String {
    let mut line = COLUMNS.join(",");
    line.push('\n');
    line
}

/// One row as a line of CSV; a missing value is empty.
pub fn csv_line(out: &mut String, row: &Row) {
    let head: [&str; 10] = [
        &row.event_id,
        &row.customer_id,
        &row.created_at,
        row.event_name,
        &row.session_id,
        &row.page_url,
        row.referrer.unwrap_or(""),
        &row.product_id,
        &row.product_name,
        row.category,
    ];
    for value in head {
        csv_text(out, value);
        out.push(',');
    }
    let _ = write!(out, "{},{},", row.price, row.quantity);
    for value in [row.currency, row.country, row.device] {
        csv_text(out, value);
        out.push(',');
    }
    let _ = write!(out, "{},", row.is_member);
    csv_text(out, &row.extra);
    out.push('\n');
}

fn csv_text(out: &mut String, text: &str) {
    if !text.contains(['"', ',', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for part in text.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}
