use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::json::Fault;
use driftless_core::model::{ColumnType, Columns, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowResult;

use super::object::{fold_repeats, read_object};
use super::shape::{Shape, Shapes};
use crate::records::{RecordParser, Records};
use crate::types::{misfit, not_utf8, typed};

/// Turns JSON objects into rows. Shared by all blocks of an export.
pub(crate) struct JsonParser {
    shapes: Shapes,
}

impl JsonParser {
    /// `declared`: types of columns whose texts are to be read as something else.
    pub(crate) fn new(declared: BTreeMap<String, ColumnType>) -> Self {
        Self { shapes: Shapes::new(declared) }
    }

    /// Reads one object.
    pub(crate) fn object<'b>(&self, text: &'b str) -> Result<(Arc<Columns>, Vec<Value<'b>>), RowError> {
        let (mut shape, mut values) = (self.shapes.latest(), Vec::new());
        self.row(text.as_bytes(), &mut shape, &mut Vec::new(), &mut values)?;
        let columns = shape.map_or_else(|| Arc::new(Columns { names: Vec::new() }), |shape| shape.columns.clone());
        Ok((columns, values))
    }

    /// Reads one record into `values`; changes `shape` if the object has other keys than the one before.
    fn row<'b>(
        &self,
        record: &'b [u8],
        shape: &mut Option<Arc<Shape>>,
        keys: &mut Vec<u8>,
        values: &mut Vec<Value<'b>>,
    ) -> Result<(), RowError> {
        let text = simdutf8::basic::from_utf8(record).map_err(|_| not_utf8())?;
        if let Some(other) = read_object(text, shape.as_ref(), &self.shapes, keys, values).map_err(malformed)? {
            *shape = Some(other);
        }
        let Some(shape) = shape else { return Ok(()) };
        if let Some(targets) = &shape.targets {
            fold_repeats(targets, shape.columns.names.len(), values);
        }
        for (n, column_type) in &shape.declared {
            declare(&mut values[*n], *column_type, &shape.columns.names[*n])?;
        }
        Ok(())
    }
}

/// Reads a value of a column with a declared type: texts as that type, and numbers as text where text was declared.
fn declare(value: &mut Value<'_>, column_type: ColumnType, column: &str) -> Result<(), RowError> {
    let read = match (std::mem::replace(value, Value::Null), column_type) {
        (Value::Text(text), _) => typed(text, column_type, true).map_err(|_| misfit(column, column_type))?,
        (Value::Int(number), ColumnType::String) => Value::Text(Cow::Owned(number.to_string())),
        (Value::Number(text), ColumnType::String) => Value::Text(text),
        (other, _) => other,
    };
    *value = read;
    Ok(())
}

fn malformed(fault: Fault) -> RowError {
    RowError::of_row(
        RowErrorCode::Malformed,
        format!("the record is no valid JSON object: {}, at byte {} of the record", fault.what, fault.at),
        "fix the export; it must hold one JSON object per line, or one array of objects",
    )
}

impl RecordParser for JsonParser {
    fn visit(&self, records: &Records, wanted: &dyn Fn(u64) -> bool, visit: &mut dyn FnMut(u64, RowResult<'_>)) {
        let mut shape = self.shapes.latest();
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for (row, record) in records.wanted(wanted) {
            match record.and_then(|record| self.row(record, &mut shape, &mut keys, &mut values)) {
                Ok(()) => {
                    if let Some(shape) = &shape {
                        visit(row, Ok(Row { columns: &shape.columns, values: &values }));
                    }
                }
                Err(error) => visit(row, Err(error)),
            }
        }
    }
}
