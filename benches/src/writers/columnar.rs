//! Parquet through Arrow batches.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::RowWriter;
use crate::Result;
use crate::format::Codec;
use crate::row::{COLUMNS, Row};

/// Rows of one Arrow batch.
const BATCH: usize = 8_192;
/// Rows of one row group, as warehouses cut them.
const ROW_GROUP: usize = 122_880;

/// Writes rows into one Parquet file.
pub struct ParquetWriter {
    out: ArrowWriter<File>,
    schema: Arc<Schema>,
    texts: Vec<StringBuilder>,
    price: Float64Builder,
    quantity: Int64Builder,
    is_member: BooleanBuilder,
    rows: usize,
}

impl ParquetWriter {
    /// A new file at `path`.
    pub fn create(path: &Path, codec: Codec) -> Result<Self> {
        let compression = match codec {
            Codec::Snappy => Compression::SNAPPY,
            Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(3)?),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let schema = Arc::new(Schema::new(COLUMNS.map(field).to_vec()));
        let out = ArrowWriter::try_new(File::create(path)?, schema.clone(), Some(properties))?;
        Ok(Self {
            out,
            schema,
            texts: (0..COLUMNS.len() - 3).map(|_| StringBuilder::new()).collect(),
            price: Float64Builder::new(),
            quantity: Int64Builder::new(),
            is_member: BooleanBuilder::new(),
            rows: 0,
        })
    }

    fn flush(&mut self) -> Result<()> {
        let mut texts = self.texts.iter_mut();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(COLUMNS.len());
        for column in COLUMNS {
            let array: Option<ArrayRef> = match column {
                "price" => Some(Arc::new(self.price.finish())),
                "quantity" => Some(Arc::new(self.quantity.finish())),
                "is_member" => Some(Arc::new(self.is_member.finish())),
                _ => texts.next().map(|text| Arc::new(text.finish()) as ArrayRef),
            };
            arrays.extend(array);
        }
        self.rows = 0;
        Ok(self.out.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)?)
    }
}

impl RowWriter for ParquetWriter {
    fn write(&mut self, row: &Row) -> Result<()> {
        let values: [Option<&str>; 14] = [
            Some(&row.event_id),
            Some(&row.customer_id),
            Some(&row.created_at),
            Some(row.event_name),
            Some(&row.session_id),
            Some(&row.page_url),
            row.referrer,
            Some(&row.product_id),
            Some(&row.product_name),
            Some(row.category),
            Some(row.currency),
            Some(row.country),
            Some(row.device),
            Some(&row.extra),
        ];
        for (builder, value) in self.texts.iter_mut().zip(values) {
            builder.append_option(value);
        }
        self.price.append_value(row.price);
        self.quantity.append_value(row.quantity);
        self.is_member.append_value(row.is_member);
        self.rows += 1;
        if self.rows == BATCH { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.rows > 0 {
            self.flush()?;
        }
        self.out.close()?;
        Ok(())
    }
}

fn field(name: &'static str) -> Field {
    let kind = match name {
        "price" => DataType::Float64,
        "quantity" => DataType::Int64,
        "is_member" => DataType::Boolean,
        _ => DataType::Utf8,
    };
    Field::new(name, kind, name == "referrer")
}
