use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::Arc;

use driftless_core::config::{CsvOptions, EnvelopeRule, Mode, PartitionRule, SyncConfig};
use driftless_core::model::{ColumnType, CsvDialect, Envelope, SchemaLock};
use driftless_core::ports::{ExportBytes, ExportError, Inspection, RowBlock, RowBlocks, RowFormats};

use crate::compression::Compression;
use crate::csv::{
    CsvParser, CsvSplitter, DMS_OP, Dialect, detect, dialect_words, dms_changes, first_record, header_names,
    is_stray_header,
};
use crate::envelope::{Expanded, Unwrapped, envelope_of, unwrapped};
use crate::json::{Elements, JsonParser, Layout, Lines, layout_of};
use crate::observe::Observed;
use crate::partitions::{Partitioned, partitions_of};
use crate::records::{RecordReader, Sizes, TextInput};
use crate::refusal::Refusal;
use crate::sniff::{Content, content_of, refuse_foreign};
use crate::source::Source;
use crate::zip_members::{ZipMembers, is_zip};
use crate::{avro_file, parquet_file};

/// First bytes that compression and binary formats are told by; tar has its mark at byte 257.
const MAGIC_BYTES: usize = 512;

/// Reads Parquet, Avro, JSON and CSV exports, compressed as a whole with gzip, zstd, bzip2 or framed snappy, or not at all.
///
/// Formats, compression and the CSV dialect are found from the bytes, never from names. What the sync says about its CSV
/// and its column types wins over what is found.
#[derive(Clone, Debug, Default)]
pub struct ExportFormats {
    csv: CsvOptions,
    types: BTreeMap<String, ColumnType>,
    envelope: EnvelopeRule,
    partitions: PartitionRule,
    /// Columns that name a row, where an update of them takes the old row away.
    keys: Arc<[String]>,
    sizes: Sizes,
}

/// An opened export and what was found about it.
struct Opened {
    blocks: Box<dyn RowBlocks>,
    words: String,
    columns: Vec<String>,
    csv: Option<CsvDialect>,
}

impl ExportFormats {
    /// With these options for CSV and declared types.
    pub fn new(csv: CsvOptions, types: BTreeMap<String, ColumnType>) -> Self {
        Self { csv, types, ..Self::default() }
    }

    /// For a sync.
    pub fn of(sync: &SyncConfig) -> Self {
        let source = &sync.source;
        let named = Self::new(source.csv.clone(), source.types.clone());
        let keys = if sync.mode == Mode::Mirror { sync.key_columns() } else { Vec::new() };
        let keys = keys.into_iter().map(String::from).collect();
        Self { envelope: source.envelope, partitions: source.partitions, keys, ..named }
    }

    /// The envelope of rows: as the sync says, as is known, or, of exports that are seen first, as a block shows.
    fn envelope(&self, lock: &SchemaLock, block: Option<&dyn RowBlock>) -> Option<Envelope> {
        match self.envelope {
            EnvelopeRule::Auto if lock.columns.is_empty() => block.and_then(envelope_of),
            EnvelopeRule::Auto => lock.envelope,
            EnvelopeRule::None => None,
            EnvelopeRule::Debezium => Some(Envelope::Debezium),
            EnvelopeRule::Maxwell => Some(Envelope::Maxwell),
            EnvelopeRule::Dms => Some(Envelope::Dms),
            EnvelopeRule::GoldenGate => Some(Envelope::GoldenGate),
            EnvelopeRule::Canal => Some(Envelope::Canal),
            EnvelopeRule::Airbyte => Some(Envelope::Airbyte),
            EnvelopeRule::Mixpanel => Some(Envelope::Mixpanel),
            EnvelopeRule::AmplitudeGroups => Some(Envelope::AmplitudeGroups),
        }
    }

    /// With small blocks, so that tests cross every boundary.
    #[cfg(test)]
    pub(crate) fn with_sizes(mut self, block: usize, record_max: usize) -> Self {
        self.sizes = Sizes { block, record_max, ..self.sizes };
        self
    }

    /// The partitions that become columns.
    fn partitions(&self, export: &str, lock: &SchemaLock) -> Vec<(String, Option<String>)> {
        match self.partitions {
            // The partitions of a Delta table are columns that its files lack.
            PartitionRule::Ignore if lock.delta => partitions_of(export),
            PartitionRule::Ignore => Vec::new(),
            PartitionRule::Columns => partitions_of(export),
        }
    }

    /// The types of the lock, and those that the sync declares now.
    fn types(&self, lock: &SchemaLock) -> (BTreeMap<String, ColumnType>, BTreeSet<String>) {
        let mut types = lock.types.clone();
        types.extend(self.types.clone());
        let declared = lock.declared.iter().chain(self.types.keys()).cloned().collect();
        (types, declared)
    }

    /// `is_raw`: CSV columns are read as text, to see what they hold.
    fn open_with(&self, source: &Source, lock: &SchemaLock, is_raw: bool) -> Result<Opened, ExportError> {
        let mut magic = Vec::new();
        let first = source.clone().take(MAGIC_BYTES as u64).read_to_end(&mut magic);
        first.map_err(|error| source.refuse_io(error, ""))?;
        refuse_foreign(&magic).map_err(|refusal| source.refuse(refusal))?;
        let compression = Compression::of(&magic);
        if is_zip(&magic) {
            return self.zip(source, lock);
        }
        let is_parquet =
            compression == Compression::None && matches!(content_of(&magic, compression), Ok(Content::Parquet));
        if is_parquet {
            let (blocks, columns) = parquet_file::open(source.clone())?;
            return Ok(Opened { blocks, words: "Parquet".to_string(), columns, csv: None });
        }
        let bytes = Cursor::new(magic).chain(source.clone());
        let decoded = compression.decode(bytes, source).map_err(|error| source.refuse_io(error, ""))?;
        let mut input = TextInput::new(source.clone(), decoded);
        let (head, is_all) = input.window(self.sizes.head)?;
        let bom = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let content = content_of(&head[bom..], compression).map_err(|refusal| source.refuse(refusal))?;
        input.skip(bom);
        let mut opened = match content {
            Content::Csv => self.csv(input, is_all, lock, is_raw)?,
            Content::Json => self.json(input, lock),
            Content::Avro => {
                let (blocks, columns, codec) = avro_file::open(source.clone(), Box::new(input.into_reader()))?;
                let words = format!("Avro, blocks {codec}");
                Opened { blocks, words, columns, csv: None }
            }
            Content::Empty | Content::Parquet => Opened {
                blocks: self.records(input, Box::new(Lines), JsonParser::new(BTreeMap::new())),
                words: "empty".to_string(),
                columns: Vec::new(),
                csv: None,
            },
        };
        if compression != Compression::None {
            let (format, rest) = opened.words.split_once(',').unwrap_or((&opened.words, ""));
            let comma = if rest.is_empty() { "" } else { "," };
            opened.words = format!("{format}, {}{comma}{rest}", compression.name());
        }
        Ok(opened)
    }

    /// The files of a zip, one after the other, as JSON lines.
    fn zip(&self, source: &Source, lock: &SchemaLock) -> Result<Opened, ExportError> {
        let members = ZipMembers::open(source).map_err(|error| source.refuse_io(error, ""))?;
        let mut input = TextInput::new(source.clone(), Box::new(members));
        let (head, _) = input.window(self.sizes.head)?;
        match content_of(head, Compression::Gzip).map_err(|refusal| source.refuse(refusal))? {
            Content::Json | Content::Empty => {}
            Content::Csv | Content::Avro | Content::Parquet => {
                return Err(source.refuse(Refusal::new(
                    "it is a zip archive of something else than JSON lines",
                    "unpack it and export its files one by one",
                )));
            }
        }
        let mut opened = self.json(input, lock);
        opened.words = format!("{}, zip", opened.words);
        Ok(opened)
    }

    fn records(
        &self,
        input: TextInput,
        splitter: Box<dyn crate::records::Splitter>,
        parser: impl crate::records::RecordParser + 'static,
    ) -> Box<dyn RowBlocks> {
        Box::new(RecordReader::new(input, splitter, Arc::new(parser), self.sizes))
    }

    fn json(&self, input: TextInput, lock: &SchemaLock) -> Opened {
        let layout = layout_of(input.seen(self.sizes.head));
        let (types, declared) = self.types(lock);
        let declared = types.into_iter().filter(|(name, _)| declared.contains(name)).collect();
        let splitter: Box<dyn crate::records::Splitter> = match layout {
            Layout::Lines => Box::new(Lines),
            Layout::Sequence => Box::new(Elements::of_sequence()),
            Layout::Array => Box::new(Elements::of_array()),
        };
        let blocks = self.records(input, splitter, JsonParser::new(declared));
        Opened { blocks, words: layout.name().to_string(), columns: Vec::new(), csv: None }
    }

    fn csv(&self, mut input: TextInput, is_all: bool, lock: &SchemaLock, is_raw: bool) -> Result<Opened, ExportError> {
        let source = input.source().clone();
        let head = input.seen(self.sizes.head);
        let found = self.csv_start(head, is_all, lock).map_err(|refusal| source.refuse(refusal))?;
        let (dialect, locked, names, used) = found;
        input.skip(used);
        let (types, declared) = if is_raw { Default::default() } else { self.types(lock) };
        let parser = CsvParser::new(dialect.clone(), names.clone(), &types, &declared);
        let words = format!("CSV, {}", dialect_words(&locked));
        let blocks = self.records(input, Box::new(CsvSplitter::new(dialect)), parser);
        Ok(Opened { blocks, words, columns: names, csv: Some(locked) })
    }

    /// The dialect, the column names, and the bytes of the header.
    fn csv_start(
        &self,
        head: &[u8],
        is_all: bool,
        lock: &SchemaLock,
    ) -> Result<(Dialect, CsvDialect, Vec<String>, usize), Refusal> {
        let locked = match &lock.csv {
            Some(locked) => locked.clone(),
            None => {
                let mut found = detect(head, is_all, &self.csv)?;
                // No name is said, and a manifest beside the exports has as many.
                if !found.header && self.csv.columns.is_empty() && found.columns.len() == lock.header.len() {
                    found.columns.clone_from(&lock.header);
                }
                found
            }
        };
        let dialect = Dialect::of(&locked, head)?;
        if let Ok((first, _)) = first_record(head, is_all, &dialect)
            && let Some((locked, names)) = dms_changes(&first, &locked, &lock.header)
        {
            return Ok((Dialect::of(&locked, head)?, locked, names, 0));
        }
        if locked.header {
            let (first, used) = first_record(head, is_all, &dialect)?;
            // Columns of wrapped rows are those inside.
            let wrapped: Option<BTreeSet<String>> = lock.envelope.map(|_| lock.header.iter().cloned().collect());
            let names = header_names(first, wrapped.as_ref().unwrap_or(&lock.columns))?;
            return Ok((dialect, locked, names, used));
        }
        // Whether the first record of such an export can be read shows when it is read.
        if let Ok((first, _)) = first_record(head, is_all, &dialect)
            && is_stray_header(&first, &locked)
        {
            return Err(Refusal::new(
                "its first line names the columns, but the exports of this sync have no header",
                "export all files with a header or all without; put the others under a prefix of their own",
            ));
        }
        let names = locked.columns.clone();
        Ok((dialect, locked, names, 0))
    }
}

impl RowFormats for ExportFormats {
    fn is_control_file(&self, key: &str) -> bool {
        crate::is_control_file(key)
    }

    fn inspect(&self, export: &str, bytes: Box<dyn ExportBytes>, lock: &SchemaLock) -> Result<Inspection, ExportError> {
        let source = Source::new(export, bytes);
        let mut opened = self.open_with(&source, lock, true)?;
        let partitions = self.partitions(export, lock);
        if !partitions.is_empty() {
            opened.columns.extend(partitions.iter().map(|(name, _)| name.clone()));
            opened.blocks = Box::new(Partitioned::new(opened.blocks, partitions));
        }
        let block = opened.blocks.next_block()?;
        let envelope = self.envelope(lock, block.as_deref());
        let mut observed = Observed::new(if envelope.is_some() { &[] } else { &opened.columns });
        if let Some(block) = block {
            match envelope {
                Some(envelope) => observed.see(&unwrapped(block, envelope)),
                None => observed.see(block.as_ref()),
            }
            source.check_pinned()?;
        }
        let mut lock = lock.clone();
        lock.envelope = envelope;
        if let Some(envelope) = envelope {
            opened.words = format!("{}, {}", opened.words, envelope.name());
        }
        lock.types.extend(self.types.clone());
        lock.declared.extend(self.types.keys().cloned());
        let mut kinds = observed.kinds();
        if let Some(csv) = opened.csv {
            kinds = observed.types();
            for (name, column_type) in observed.types() {
                lock.types.entry(name).or_insert(column_type);
            }
            if csv.header && lock.header.is_empty() {
                lock.header.clone_from(&opened.columns);
            }
            if opened.columns.first().is_some_and(|name| name == DMS_OP) && !csv.header {
                lock.dms = true;
                lock.op_column.get_or_insert_with(|| DMS_OP.to_string());
            }
            let nulls = csv.nulls.clone();
            let locked = lock.csv.get_or_insert(csv);
            if lock.dms {
                locked.nulls.extend(nulls.into_iter().filter(|null| !locked.nulls.contains(null)).collect::<Vec<_>>());
            }
        }
        let columns = observed.names();
        lock.columns.extend(columns.iter().cloned());
        Ok(Inspection { lock, format: opened.words, columns, kinds, domains: observed.domains() })
    }

    fn open(
        &self,
        export: &str,
        bytes: Box<dyn ExportBytes>,
        lock: &SchemaLock,
    ) -> Result<Box<dyn RowBlocks>, ExportError> {
        let source = Source::new(export, bytes);
        let blocks = self.open_with(&source, lock, false)?.blocks;
        let blocks: Box<dyn RowBlocks> = match self.envelope(lock, None) {
            Some(envelope) if envelope.expands() => Box::new(Expanded::new(blocks, envelope, self.keys.clone())),
            Some(envelope) => Box::new(Unwrapped::new(blocks, envelope, self.keys.clone())),
            None => blocks,
        };
        let partitions = self.partitions(export, lock);
        Ok(if partitions.is_empty() { blocks } else { Box::new(Partitioned::new(blocks, partitions)) })
    }
}
