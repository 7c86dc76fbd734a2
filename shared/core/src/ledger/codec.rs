use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Int64Array, Int64Builder, RecordBatch, StringArray,
    StringBuilder, UInt8Array, UInt8Builder, UInt32Array, UInt32Builder, UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::model::{FolderId, Identity, RowKey, RowState, RowStatus, RowVersion};

/// A key and its state, as a ledger holds them.
pub type LedgerRow = (RowKey, RowState);

/// Why a ledger part cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error(
    "ledger {part}: {cause}. Restore it from the state bucket's versions, or start the sync over with a new state folder"
)]
pub struct LedgerError {
    /// Blob key.
    pub part: String,
    /// Cause.
    pub cause: String,
}

impl LedgerError {
    pub(super) fn new(part: &str, cause: impl ToString) -> Self {
        Self { part: part.to_string(), cause: cause.to_string() }
    }
}

/// Rows decoded at a time: what a merge of many parts holds of each.
const ROWS_PER_BATCH: usize = 4_096;

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::FixedSizeBinary(16), false),
        Field::new("status", DataType::UInt8, false),
        Field::new("fingerprint", DataType::UInt64, false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("version", DataType::FixedSizeBinary(16), true),
        Field::new("event", DataType::Utf8, true),
        Field::new("distinct_id", DataType::Utf8, true),
        Field::new("time_ms", DataType::Int64, true),
        Field::new("insert_id", DataType::Utf8, true),
        Field::new("folder", DataType::UInt64, true),
    ]))
}

/// Encodes sorted rows as one Parquet file.
pub(super) fn encode(part: &str, rows: &[LedgerRow]) -> Result<Bytes, LedgerError> {
    let fail = |cause: String| LedgerError::new(part, cause);
    let mut key = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    let mut status = UInt8Builder::with_capacity(rows.len());
    let mut fingerprint = UInt64Builder::with_capacity(rows.len());
    let mut revision = UInt32Builder::with_capacity(rows.len());
    let mut version = FixedSizeBinaryBuilder::with_capacity(rows.len(), 16);
    let (mut event, mut distinct_id, mut insert_id) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let mut time_ms = Int64Builder::with_capacity(rows.len());
    let mut folder = UInt64Builder::with_capacity(rows.len());
    for (row_key, state) in rows {
        key.append_value(row_key.0).map_err(|e| fail(e.to_string()))?;
        status.append_value(match state.status {
            RowStatus::Live => 0,
            RowStatus::Deleted => 1,
            RowStatus::Rejected => 2,
        });
        fingerprint.append_value(state.fingerprint);
        revision.append_value(state.revision);
        match &state.version {
            RowVersion::Number(n) => version.append_value(n.to_be_bytes()).map_err(|e| fail(e.to_string()))?,
            RowVersion::None | RowVersion::Delivery { .. } => version.append_null(),
        }
        let identity = state.identity.as_ref();
        event.append_option(identity.map(|i| &i.event));
        distinct_id.append_option(identity.map(|i| &i.distinct_id));
        time_ms.append_option(identity.map(|i| i.time_ms));
        insert_id.append_option(identity.map(|i| &i.insert_id));
        folder.append_option(state.folder.map(|f| f.0));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(key.finish()),
        Arc::new(status.finish()),
        Arc::new(fingerprint.finish()),
        Arc::new(revision.finish()),
        Arc::new(version.finish()),
        Arc::new(event.finish()),
        Arc::new(distinct_id.finish()),
        Arc::new(time_ms.finish()),
        Arc::new(insert_id.finish()),
        Arc::new(folder.finish()),
    ];
    let batch = RecordBatch::try_new(schema(), columns).map_err(|e| fail(e.to_string()))?;
    let zstd = ZstdLevel::try_new(1).map_err(|e| fail(e.to_string()))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(65_536))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema(), Some(properties)).map_err(|e| fail(e.to_string()))?;
    writer.write(&batch).map_err(|e| fail(e.to_string()))?;
    writer.close().map_err(|e| fail(e.to_string()))?;
    Ok(Bytes::from(bytes))
}

/// Opens a part for reading batch by batch.
pub(super) fn open(part: &str, bytes: Bytes) -> Result<ParquetRecordBatchReader, LedgerError> {
    ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|builder| builder.with_batch_size(ROWS_PER_BATCH).build())
        .map_err(|e| LedgerError::new(part, e))
}

/// Some rows of a part, in key order. A state is built only when it is asked for: most rows of a merge are unchanged.
pub(super) struct Batch {
    part: Arc<str>,
    key: FixedSizeBinaryArray,
    status: UInt8Array,
    fingerprint: UInt64Array,
    revision: UInt32Array,
    version: FixedSizeBinaryArray,
    event: StringArray,
    distinct_id: StringArray,
    time_ms: Int64Array,
    insert_id: StringArray,
    folder: UInt64Array,
}

impl Batch {
    pub(super) fn new(part: &Arc<str>, batch: &RecordBatch) -> Result<Self, LedgerError> {
        fn column<T: Clone + 'static>(batch: &RecordBatch, name: &str) -> Option<T> {
            batch.column_by_name(name)?.as_any().downcast_ref::<T>().cloned()
        }
        let columns = || {
            Some(Self {
                part: part.clone(),
                key: column(batch, "key").filter(|key: &FixedSizeBinaryArray| key.value_length() == 16)?,
                status: column(batch, "status")?,
                fingerprint: column(batch, "fingerprint")?,
                revision: column(batch, "revision")?,
                version: column(batch, "version").filter(|v: &FixedSizeBinaryArray| v.value_length() == 16)?,
                event: column(batch, "event")?,
                distinct_id: column(batch, "distinct_id")?,
                time_ms: column(batch, "time_ms")?,
                insert_id: column(batch, "insert_id")?,
                folder: column(batch, "folder")?,
            })
        };
        columns().ok_or_else(|| LedgerError::new(part, "its columns are not those of a ledger"))
    }

    pub(super) fn rows(&self) -> usize {
        self.key.len()
    }

    pub(super) fn key(&self, n: usize) -> RowKey {
        let mut key = [0; 16];
        key.copy_from_slice(self.key.value(n));
        RowKey(key)
    }

    pub(super) fn has_identity(&self, n: usize) -> bool {
        !self.event.is_null(n)
    }

    /// The state without its identity.
    pub(super) fn brief(&self, n: usize) -> Result<RowState, LedgerError> {
        let status = match self.status.value(n) {
            0 => RowStatus::Live,
            1 => RowStatus::Deleted,
            2 => RowStatus::Rejected,
            _ => return Err(LedgerError::new(&self.part, format!("row {n} has an unknown status"))),
        };
        let version = if self.version.is_null(n) {
            RowVersion::None
        } else {
            let mut number = [0; 16];
            number.copy_from_slice(self.version.value(n));
            RowVersion::Number(i128::from_be_bytes(number))
        };
        let (fingerprint, revision) = (self.fingerprint.value(n), self.revision.value(n));
        let folder = (!self.folder.is_null(n)).then(|| FolderId(self.folder.value(n)));
        Ok(RowState { status, fingerprint, revision, version, identity: None, expires_at_ms: None, folder })
    }

    pub(super) fn identity(&self, n: usize) -> Option<Identity> {
        self.has_identity(n).then(|| Identity {
            event: self.event.value(n).to_string(),
            distinct_id: self.distinct_id.value(n).to_string(),
            time_ms: self.time_ms.value(n),
            insert_id: self.insert_id.value(n).to_string(),
        })
    }
}
