use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::model::{Columns, Envelope, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowResult;

use super::position::{self, Position};
use crate::json::JsonParser;

/// Columns that unwrapping adds.
const OP: &str = "__op";
const POSITION: &str = "__lsn";

/// What Debezium puts for a large value that the log does not hold because it was not changed.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// Unwraps the rows of one export.
pub(super) struct Unwrapper {
    envelope: Envelope,
    parser: JsonParser,
    /// Of a record that is no row: a pre-image, which every feed drops.
    nothing: Arc<Columns>,
}

/// Columns of a wrapped row, those of the row that it becomes, and which values these take.
pub(super) struct Shape {
    wrapped: Arc<Columns>,
    columns: Arc<Columns>,
    kept: Vec<usize>,
}

/// What a record of a change log says.
enum Record<'a> {
    /// A row, its operation, and its place in the log.
    Change(&'a str, Cow<'static, str>, Position),
    /// Something else than a change of a row.
    Nothing,
}

impl Unwrapper {
    pub(super) fn new(envelope: Envelope) -> Self {
        let nothing = Arc::new(Columns { names: vec![OP.to_string()] });
        Self { envelope, parser: JsonParser::new(Default::default()), nothing }
    }

    pub(super) fn unwrap(&self, row: Row<'_>, shapes: &mut Vec<Shape>, visit: &mut dyn FnMut(RowResult<'_>)) {
        let record = match (self.envelope, field(row, "payload")) {
            (Envelope::Debezium, Some(Value::Json(payload))) => {
                let inside = self.parser.object(payload).and_then(|(columns, values)| {
                    let row = Row { columns: &columns, values: &values };
                    self.debezium(row).and_then(|record| self.row_of(record, shapes, visit))
                });
                return inside.unwrap_or_else(|error| visit(Err(error)));
            }
            (Envelope::Debezium, _) => self.debezium(row),
            (Envelope::Maxwell, _) => self.maxwell(row),
            (Envelope::Dms, _) => self.dms(row),
            (Envelope::GoldenGate, _) => self.golden_gate(row),
        };
        if let Err(error) = record.and_then(|record| self.row_of(record, shapes, visit)) {
            visit(Err(error));
        }
    }

    fn debezium<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let op = text(row, "op")?;
        let (op, body) = match op {
            "c" | "r" => ("insert", "after"),
            "u" => ("update", "after"),
            "d" => ("delete", "before"),
            "m" => return Ok(Record::Nothing),
            other => return Err(truncated(other)),
        };
        let ts_ms = field(row, "ts_ms").and_then(number_of);
        let source = json(row, "source")?;
        let position = with_object(source, |source| position::of_debezium(source, ts_ms))?;
        Ok(Record::Change(json(row, body)?, op.into(), position))
    }

    fn maxwell<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let op = match text(row, "type")? {
            "insert" | "bootstrap-insert" => "insert",
            "update" => "update",
            "delete" => "delete",
            _ => return Ok(Record::Nothing),
        };
        Ok(Record::Change(json(row, "data")?, op.into(), position::of_maxwell(row)))
    }

    fn dms<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let metadata = json(row, "metadata")?;
        let told = with_object(metadata, |metadata| {
            let op = text(metadata, "operation")?;
            if text(metadata, "record-type")? == "control" {
                return Ok(None);
            }
            let op = match op {
                "load" | "insert" | "update" | "delete" => op.to_string(),
                other => return Err(truncated(other)),
            };
            Ok(Some((op, position::of_dms(metadata))))
        })??;
        match told {
            None => Ok(Record::Nothing),
            Some((op, position)) => Ok(Record::Change(json(row, "data")?, op.into(), position)),
        }
    }

    fn golden_gate<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let (op, body) = match text(row, "op_type")? {
            "I" => ("insert", "after"),
            "U" => ("update", "after"),
            "D" => ("delete", "before"),
            other => return Err(truncated(other)),
        };
        Ok(Record::Change(json(row, body)?, op.into(), position::of_golden_gate(row)))
    }

    fn row_of(
        &self,
        record: Record<'_>,
        shapes: &mut Vec<Shape>,
        visit: &mut dyn FnMut(RowResult<'_>),
    ) -> Result<(), RowError> {
        let Record::Change(body, op, position) = record else {
            let values = [Value::Text("update_preimage".into())];
            visit(Ok(Row { columns: &self.nothing, values: &values }));
            return Ok(());
        };
        let (columns, mut values) = self.parser.object(body)?;
        let shape = self.shape_of(&columns, shapes);
        let mut kept: Vec<Value<'_>> =
            shape.kept.iter().map(|n| std::mem::replace(&mut values[*n], Value::Null)).collect();
        if let Some(n) = kept.iter().position(|value| text_of(value) == Some(UNAVAILABLE)) {
            let column = &shape.columns.names[n];
            return Err(RowError::of_column(
                RowErrorCode::Malformed,
                column,
                format!("column {column} is not in the log, because the update did not change it"),
                "set REPLICA IDENTITY FULL for the table, or leave the column out of the connector",
            ));
        }
        kept.push(Value::Text(op));
        kept.push(position.unwrap_or(Value::Null));
        visit(Ok(Row { columns: &shape.columns, values: &kept }));
        Ok(())
    }

    fn shape_of<'s>(&self, wrapped: &Arc<Columns>, shapes: &'s mut Vec<Shape>) -> &'s Shape {
        let known = shapes.iter().position(|shape| Arc::ptr_eq(&shape.wrapped, wrapped));
        let n = known.unwrap_or_else(|| {
            let names = &wrapped.names;
            // DMS puts the row before the change beside it, as BI_ columns.
            let is_before = |name: &String| {
                let column = name.strip_prefix("BI_").filter(|_| self.envelope == Envelope::Dms);
                column.is_some_and(|column| names.iter().any(|name| name == column))
            };
            let kept: Vec<usize> = (0..names.len()).filter(|n| !is_before(&names[*n])).collect();
            let mut columns: Vec<String> = kept.iter().map(|n| names[*n].clone()).collect();
            columns.extend([OP, POSITION].map(String::from));
            shapes.push(Shape { wrapped: wrapped.clone(), columns: Arc::new(Columns { names: columns }), kept });
            shapes.len() - 1
        });
        &shapes[n]
    }
}

/// A field of a row.
pub(super) fn field<'a>(row: Row<'a>, name: &str) -> Option<&'a Value<'a>> {
    row.columns.names.iter().position(|column| column == name).map(|n| &row.values[n])
}

pub(super) fn text_of<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number_of(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::UInt(number) => Some(i128::from(*number)),
        Value::Number(text) | Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Looks into a JSON object.
pub(super) fn with_object<T>(text: &str, look: impl FnOnce(Row<'_>) -> T) -> Result<T, RowError> {
    let parser = JsonParser::new(Default::default());
    let (columns, values) = parser.object(text)?;
    Ok(look(Row { columns: &columns, values: &values }))
}

fn text<'a>(row: Row<'a>, name: &str) -> Result<&'a str, RowError> {
    field(row, name).and_then(text_of).ok_or_else(|| other_shape(name))
}

fn json<'a>(row: Row<'a>, name: &str) -> Result<&'a str, RowError> {
    match field(row, name) {
        Some(Value::Json(json)) => Ok(json),
        _ => Err(other_shape(name)),
    }
}

fn other_shape(name: &str) -> RowError {
    RowError::of_column(
        RowErrorCode::Malformed,
        name,
        format!("the record is not wrapped as the others: its {name} is missing or something else"),
        "put exports of another kind under a prefix of their own, or set source.envelope: none",
    )
}

fn truncated(op: &str) -> RowError {
    let cause = if matches!(op, "t" | "T" | "truncate" | "truncate-table") {
        "the table was truncated at the source, which no single row can tell"
    } else {
        "the record's operation is not known"
    };
    RowError::of_column(
        RowErrorCode::OpUnknown,
        OP,
        cause,
        "delete what is to go by a snapshot of the table: unload it whole under another prefix, with feed: snapshot",
    )
}
