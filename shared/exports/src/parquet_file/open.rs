use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use driftless_core::model::Columns;
use driftless_core::ports::{ExportError, RowBlock, RowBlocks};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::Length;
use parquet::schema::types::SchemaDescriptor;

use super::block::BatchBlock;
use super::chunks::Chunks;
use crate::limits::{
    BATCH_BYTES_TARGET, BATCH_ROWS_MAX, DEPTH_MAX, PARQUET_FOOTER_BYTES_MAX, RATIO_FROM_BYTES, RATIO_MAX,
};
use crate::refusal::Refusal;
use crate::source::Source;

/// Footer length and magic number.
const TAIL_BYTES: usize = 8;

const AGAIN: &str = "the file is damaged or uses something that is not read: export it again, with snappy, zstd, gzip, lz4 or no compression";

/// Opens a Parquet file.
pub(crate) fn open(source: Source) -> Result<(Box<dyn RowBlocks>, Vec<String>), ExportError> {
    match guarded(|| build(&source)) {
        Ok(reader) => {
            let names = reader.columns.names.clone();
            Ok((Box::new(reader), names))
        }
        Err(refusal) => Err(source.refuse(refusal)),
    }
}

/// Runs the decoder. It may panic on damaged files: that is a refusal, too.
fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Refusal::new("the Parquet decoder gave up on it", AGAIN)))
}

fn refusal(error: ParquetError) -> Refusal {
    Refusal::new(format!("the Parquet file cannot be read ({error})"), AGAIN)
}

fn build(source: &Source) -> Result<ParquetBlocks, Refusal> {
    let chunks = Chunks::new(source.clone()).map_err(Refusal::of_io)?;
    check_footer(&chunks)?;
    // The types of the file itself: what a writer's Arrow schema adds to them changes no value.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mut metadata = ArrowReaderMetadata::load(&chunks, options.clone()).map_err(refusal)?;
    let schema = metadata.schema().clone();
    check_schema(&schema)?;
    check_sizes(metadata.metadata())?;
    if let Some(schema) = without_short_nanoseconds(&schema, metadata.parquet_schema()) {
        let options = options.with_schema(Arc::new(schema));
        metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(refusal)?;
    }
    let rows: u64 = metadata.metadata().row_groups().iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0)).sum();
    let bytes: u64 =
        metadata.metadata().row_groups().iter().map(|g| u64::try_from(g.total_byte_size()).unwrap_or(0)).sum();
    let row_bytes = (bytes / rows.max(1)).max(1);
    let batch_rows = usize::try_from(BATCH_BYTES_TARGET / row_bytes).unwrap_or(BATCH_ROWS_MAX).clamp(1, BATCH_ROWS_MAX);
    let uuids = uuid_columns(metadata.parquet_schema(), schema.fields().len());
    let columns = Arc::new(Columns { names: schema.fields().iter().map(|f| f.name().clone()).collect() });
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
        .with_batch_size(batch_rows)
        .build()
        .map_err(refusal)?;
    Ok(ParquetBlocks { source: source.clone(), reader: Some(reader), columns, uuids, next_row: 0 })
}

fn check_footer(chunks: &Chunks) -> Result<(), Refusal> {
    let cut_off =
        || Refusal::new("the Parquet file has no footer", "the object is cut off or damaged: export it again");
    let start = chunks.len().checked_sub(TAIL_BYTES as u64).ok_or_else(cut_off)?;
    let tail = chunks.range(start, TAIL_BYTES).map_err(Refusal::of_io)?;
    match tail.as_ref() {
        [a, b, c, d, b'P', b'A', b'R', b'1'] => {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            if length > PARQUET_FOOTER_BYTES_MAX {
                return Err(Refusal::new(
                    format!("the Parquet metadata is {length} bytes long, more than {PARQUET_FOOTER_BYTES_MAX}"),
                    "export fewer columns, or smaller files with fewer row groups",
                ));
            }
            Ok(())
        }
        [.., b'P', b'A', b'R', b'E'] => {
            Err(Refusal::new("it is an encrypted Parquet file", "export without Parquet encryption"))
        }
        _ => Err(cut_off()),
    }
}

fn check_schema(schema: &Schema) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for (n, field) in schema.fields().iter().enumerate() {
        if !seen.insert(field.name()) {
            return Err(Refusal::new(
                format!("column {} has the name of an earlier column: {}", n + 1, field.name()),
                "give every column its own name in the export",
            ));
        }
        if depth(field) > DEPTH_MAX {
            return Err(Refusal::new(
                format!("column {} is nested more than {DEPTH_MAX} levels deep", field.name()),
                "export it as JSON text",
            ));
        }
    }
    Ok(())
}

/// Pages are decompressed whole, so a bomb has to be seen before: the same budget as for exports compressed as a whole.
fn check_sizes(metadata: &ParquetMetaData) -> Result<(), Refusal> {
    for (group, columns) in metadata.row_groups().iter().map(|g| g.columns()).enumerate() {
        for column in columns {
            let stored = u64::try_from(column.compressed_size()).unwrap_or(0);
            let decoded = u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX);
            if decoded > RATIO_FROM_BYTES && decoded / RATIO_MAX > stored {
                let name = column.column_path().string();
                return Err(Refusal::new(
                    format!(
                        "column {name} of row group {group} decodes to more than {RATIO_MAX} times its size, which looks like a decompression bomb"
                    ),
                    "export it again with smaller row groups, or without compression if its content really is that repetitive",
                ));
            }
        }
    }
    Ok(())
}

fn depth(field: &Field) -> usize {
    1 + match field.data_type() {
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => depth(f),
        DataType::Struct(fields) => fields.iter().map(|f| depth(f)).max().unwrap_or(0),
        _ => 0,
    }
}

/// 96-bit times of Spark and Hive reach beyond what 64-bit nanoseconds hold (1677 to 2262), where reading them would give
/// garbage. They are read in microseconds, which is what Spark has; digits below are cut off.
fn without_short_nanoseconds(schema: &Schema, file: &SchemaDescriptor) -> Option<Schema> {
    let is_int96 = |n: usize| {
        (0..file.num_columns()).any(|leaf| {
            let column = file.column(leaf);
            file.get_column_root_idx(leaf) == n
                && column.path().parts().len() == 1
                && column.physical_type() == PhysicalType::INT96
        })
    };
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let mut has_any = false;
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(n, field)| {
            if field.data_type() == &nanos && is_int96(n) {
                has_any = true;
                field.as_ref().clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None))
            } else {
                field.as_ref().clone()
            }
        })
        .collect();
    has_any.then(|| Schema::new(fields))
}

fn uuid_columns(file: &SchemaDescriptor, width: usize) -> Arc<[bool]> {
    let mut uuids = vec![false; width];
    for leaf in 0..file.num_columns() {
        let column = file.column(leaf);
        if column.path().parts().len() == 1
            && matches!(column.logical_type_ref(), Some(LogicalType::Uuid))
            && let Some(is_uuid) = uuids.get_mut(file.get_column_root_idx(leaf))
        {
            *is_uuid = true;
        }
    }
    uuids.into()
}

/// Reads a Parquet file batch by batch.
struct ParquetBlocks {
    source: Source,
    reader: Option<ParquetRecordBatchReader>,
    columns: Arc<Columns>,
    uuids: Arc<[bool]>,
    next_row: u64,
}

impl RowBlocks for ParquetBlocks {
    fn next_block(&mut self) -> Result<Option<Box<dyn RowBlock>>, ExportError> {
        let Some(mut reader) = self.reader.take() else {
            return Ok(None);
        };
        let next = guarded(|| {
            let batch = reader.next().transpose();
            let batch =
                batch.map_err(|error| Refusal::new(format!("the Parquet file cannot be read ({error})"), AGAIN))?;
            Ok((batch, reader))
        });
        match next {
            Ok((Some(batch), reader)) => {
                self.reader = Some(reader);
                let first_row = self.next_row;
                self.next_row += batch.num_rows() as u64;
                Ok(Some(Box::new(BatchBlock {
                    batch,
                    first_row,
                    columns: self.columns.clone(),
                    uuids: self.uuids.clone(),
                })))
            }
            Ok((None, _)) => {
                self.source.check_pinned()?;
                Ok(None)
            }
            Err(mut refusal) => {
                refusal.cause.push_str(&format!(", at row {} or later", self.next_row));
                Err(self.source.refuse(refusal))
            }
        }
    }
}
