use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::model::{ColumnType, Columns, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowResult;

use super::Dialect;
use super::fields::{Field, each_field};
use crate::records::{RecordParser, Records};
use crate::types::{misfit, not_utf8, typed};

/// Turns CSV records into rows. Shared by all blocks of an export.
pub(crate) struct CsvParser {
    dialect: Dialect,
    columns: Arc<Columns>,
    types: Vec<(ColumnType, bool)>,
}

impl CsvParser {
    /// `types`: how to read each column; `declared`: of which a value that does not fit rejects its row.
    pub(crate) fn new(
        dialect: Dialect,
        names: Vec<String>,
        types: &BTreeMap<String, ColumnType>,
        declared: &BTreeSet<String>,
    ) -> Self {
        let types = names
            .iter()
            .map(|name| (types.get(name).copied().unwrap_or(ColumnType::String), declared.contains(name)))
            .collect();
        Self { dialect, columns: Arc::new(Columns { names }), types }
    }

    fn row<'b>(&self, record: &'b [u8], values: &mut Vec<Value<'b>>) -> Result<(), RowError> {
        let text = simdutf8::basic::from_utf8(record).map_err(|_| not_utf8())?;
        if memchr::memchr(0, record).is_some() {
            return Err(malformed("the record holds NUL bytes".to_string()));
        }
        values.clear();
        let mut wrong = None;
        let count = each_field(text, &self.dialect, |n, field| {
            if let Some(column_type) = self.types.get(n) {
                values.push(self.value(n, *column_type, field, &mut wrong));
            }
        })
        .map_err(|what| malformed(what.to_string()))?;
        let expected = self.types.len();
        if count != expected {
            return Err(malformed(format!("the record has {count} fields, but there are {expected} columns")));
        }
        wrong.map_or(Ok(()), Err)
    }

    #[inline]
    fn value<'b>(
        &self,
        n: usize,
        column_type: (ColumnType, bool),
        field: Field<'b>,
        wrong: &mut Option<RowError>,
    ) -> Value<'b> {
        if field.is_null {
            return Value::Null;
        }
        let (column_type, is_declared) = column_type;
        match typed(field.text, column_type, is_declared) {
            Ok(value) => value,
            Err(text) => {
                if is_declared && wrong.is_none() {
                    *wrong = self.columns.names.get(n).map(|column| misfit(column, column_type));
                }
                Value::Text(text)
            }
        }
    }
}

fn malformed(cause: String) -> RowError {
    RowError::of_row(
        RowErrorCode::Malformed,
        cause,
        "fix the export, or set source.csv (delimiter, quote, escape) if the dialect was not recognised",
    )
}

impl RecordParser for CsvParser {
    fn visit(&self, records: &Records, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let mut values = Vec::with_capacity(self.types.len());
        for (row, record) in records.wanted(wanted) {
            match record.and_then(|record| self.row(record, &mut values)) {
                Ok(()) => visit(row, Ok(Row { columns: &self.columns, values: &values })),
                Err(error) => visit(row, Err(error)),
            }
        }
    }
}
