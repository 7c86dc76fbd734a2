use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::sync::Arc;

use driftless_core::model::Columns;
use driftless_core::ports::{ExportError, RowBlock, RowBlocks};

use super::block::AvroBlock;
use super::codec::Codec;
use super::schema::Schema;
use crate::limits::{AVRO_BLOCK_BYTES_MAX, AVRO_HEADER_BYTES_MAX};
use crate::refusal::Refusal;
use crate::source::Source;

const AGAIN: &str = "the Avro file is damaged or cut off: export it again";

/// Reads an Avro container file block by block.
pub(crate) struct AvroBlocks<R> {
    input: Input<R>,
    source: Source,
    schema: Arc<Schema>,
    columns: Arc<Columns>,
    codec: Codec,
    sync: [u8; 16],
    next_row: u64,
    is_done: bool,
}

/// An opened file: its blocks, its columns, the codec of its blocks.
type Opened = (Box<dyn RowBlocks>, Vec<String>, &'static str);

/// Opens an Avro container file.
pub(crate) fn open(source: Source, decoded: Box<dyn Read + Send>) -> Result<Opened, ExportError> {
    let mut input = Input { reader: BufReader::new(decoded) };
    let header = match header(&mut input) {
        Ok(header) => header,
        Err(refusal) => return Err(source.refuse(refusal)),
    };
    let (schema, codec, sync) = header;
    let names: Vec<String> = schema.fields.iter().map(|(name, _)| name.clone()).collect();
    let columns = Arc::new(Columns { names: names.clone() });
    let blocks =
        AvroBlocks { input, source, schema: Arc::new(schema), columns, codec, sync, next_row: 0, is_done: false };
    Ok((Box::new(blocks), names, codec.name()))
}

fn header(input: &mut Input<Box<dyn Read + Send>>) -> Result<(Schema, Codec, [u8; 16]), Refusal> {
    let wrong = |what: String| Refusal::new(what, AGAIN);
    input.exactly(4)?;
    let mut schema = None;
    let mut codec = Codec::Null;
    let mut left = AVRO_HEADER_BYTES_MAX;
    loop {
        let count = input.long()?.ok_or_else(|| wrong("the Avro header ends too early".to_string()))?;
        if count == 0 {
            break;
        }
        if count < 0 {
            input.long()?;
        }
        for _ in 0..count.unsigned_abs() {
            let key = input.bytes(&mut left)?;
            let value = input.bytes(&mut left)?;
            match key.as_slice() {
                b"avro.schema" => {
                    let text =
                        String::from_utf8(value).map_err(|_| wrong("its schema is not valid UTF-8".to_string()))?;
                    schema = Some(Schema::parse(&text).map_err(wrong)?);
                }
                b"avro.codec" => {
                    codec = Codec::of(&value).ok_or_else(|| {
                        Refusal::new(
                            "the Avro blocks use a codec that is not read",
                            "export with deflate, snappy, zstandard, bzip2 or no codec",
                        )
                    })?;
                }
                _ => {}
            }
        }
    }
    let schema = schema.ok_or_else(|| wrong("the Avro header has no schema".to_string()))?;
    let mut seen = HashSet::new();
    if let Some((name, _)) = schema.fields.iter().find(|(name, _)| !seen.insert(name.clone())) {
        return Err(Refusal::new(format!("its schema names column {name} twice"), "give every column its own name"));
    }
    let sync = input.exactly(16)?.try_into().map_err(|_| wrong("the Avro header ends too early".to_string()))?;
    Ok((schema, codec, sync))
}

impl<R: Read> AvroBlocks<R> {
    fn read(&mut self) -> Result<Option<AvroBlock>, Refusal> {
        loop {
            let Some(rows) = self.input.long()? else {
                return Ok(None);
            };
            let negative = || Refusal::new("an Avro block has a negative size", AGAIN);
            let rows = u64::try_from(rows).map_err(|_| negative())?;
            let mut left = AVRO_BLOCK_BYTES_MAX;
            let stored = self.input.bytes(&mut left)?;
            if self.input.exactly(16)? != self.sync {
                return Err(Refusal::new("an Avro block does not end with the file's marker", AGAIN));
            }
            let wrong = |what: String| Refusal::new(format!("an Avro block cannot be read: {what}"), AGAIN);
            let bytes = self.codec.decode(stored).map_err(wrong)?;
            let block = AvroBlock::new(self.schema.clone(), self.columns.clone(), bytes, rows, self.next_row);
            let block = block.map_err(|what| wrong(what.to_string()))?;
            if rows > 0 {
                self.next_row += rows;
                return Ok(Some(block));
            }
        }
    }
}

impl<R: Read + Send> RowBlocks for AvroBlocks<R> {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        if self.is_done {
            return Ok(None);
        }
        match self.read() {
            Ok(Some(block)) => Ok(Some(Box::new(block))),
            Ok(None) => {
                self.is_done = true;
                self.source.check_pinned()?;
                Ok(None)
            }
            Err(mut refusal) => {
                self.is_done = true;
                refusal.cause.push_str(&format!(", at row {} or later", self.next_row));
                Err(self.source.refuse(refusal))
            }
        }
    }
}

/// Reads the frame of the file: numbers and byte strings.
struct Input<R> {
    reader: BufReader<R>,
}

impl<R: Read> Input<R> {
    fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(count as u64).read_to_end(&mut bytes).map_err(Refusal::of_io)?;
        if bytes.len() < count { Err(Refusal::new("the Avro file ends too early", AGAIN)) } else { Ok(bytes) }
    }

    /// A number; `None` at the end of the file.
    fn long(&mut self) -> Result<Option<i64>, Refusal> {
        let mut bytes = Vec::with_capacity(10);
        loop {
            let mut byte = [0];
            match self.reader.read(&mut byte) {
                Ok(0) if bytes.is_empty() => return Ok(None),
                Ok(0) => return Err(Refusal::new("the Avro file ends too early", AGAIN)),
                Ok(_) => bytes.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Refusal::of_io(error)),
            }
            if byte[0] & 0x80 == 0 || bytes.len() > 10 {
                let number = super::cursor::Cursor { bytes: &bytes }.long();
                return number.map(Some).map_err(|what| Refusal::new(what, AGAIN));
            }
        }
    }

    /// A byte string, as long as the budget allows.
    fn bytes(&mut self, left: &mut usize) -> Result<Vec<u8>, Refusal> {
        let length = self.long()?.ok_or_else(|| Refusal::new("the Avro file ends too early", AGAIN))?;
        let length = usize::try_from(length).ok().filter(|length| length <= left);
        let length = length.ok_or_else(|| {
            Refusal::new(
                "a part of the Avro file is larger than what is read at a time",
                "export with smaller blocks (sync interval)",
            )
        })?;
        *left -= length;
        self.exactly(length)
    }
}
