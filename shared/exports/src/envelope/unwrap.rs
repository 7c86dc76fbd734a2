use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::mapping::canonical_text;
use driftless_core::model::{Columns, Envelope, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::RowResult;
use serde_json::value::RawValue;

use super::position::{self, Position};
use crate::json::JsonParser;

/// Columns that unwrapping adds.
const OP: &str = "__op";
const POSITION: &str = "__lsn";

/// The operation of a row as it was before an update.
const PRE_IMAGE: &str = "update_preimage";

/// Before the name of a column with what it held before an update (AWS DMS).
const DMS_BEFORE: &str = "BI_";

/// The row as Airbyte keeps it, and when Airbyte read it.
pub(super) const AIRBYTE_BODY: &str = "_airbyte_data";
const AIRBYTE_TIME: &str = "_airbyte_extracted_at";

/// An event of Mixpanel's raw export: its properties, and its name.
pub(super) const MIXPANEL_BODY: &str = "properties";
pub(super) const MIXPANEL_NAME: &str = "event";

/// What Debezium puts for a large value that the log does not hold because it was not changed.
const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// Unwraps the rows of one export.
pub(super) struct Unwrapper {
    envelope: Envelope,
    parser: JsonParser,
    /// Of a record that is no row: a pre-image, which every feed drops.
    nothing: Arc<Columns>,
    /// Of a group of an event.
    groups: Arc<Columns>,
    /// Columns that name a row. An update of one of them is told as a pre-image before the row, with the same number.
    keys: Arc<[String]>,
}

/// Columns of a wrapped row, those of the row that it becomes, and which values these take.
pub(super) struct Shape {
    wrapped: Arc<Columns>,
    columns: Arc<Columns>,
    kept: Vec<usize>,
}

/// A change of a row in a log.
struct Change<'a> {
    /// The row as JSON.
    body: &'a str,
    op: Cow<'static, str>,
    position: Position,
    /// What columns held before an update, as far as the record tells.
    old: Option<&'a str>,
}

/// What a record of a change log says.
enum Record<'a> {
    Change(Change<'a>),
    /// Something else than a change of a row.
    Nothing,
}

impl Unwrapper {
    pub(super) fn new(envelope: Envelope, keys: Arc<[String]>) -> Self {
        let nothing = Arc::new(Columns { names: vec![OP.to_string()] });
        let groups = ["group_type", "group_id", "event_time", "properties"].map(String::from);
        let groups = Arc::new(Columns { names: groups.to_vec() });
        Self { envelope, parser: JsonParser::new(Default::default()), nothing, groups, keys }
    }

    /// Visits every row of a record.
    pub(super) fn unwrap_all(&self, row: Row<'_>, shapes: &mut Vec<Shape>, visit: &mut dyn FnMut(RowResult<'_>)) {
        let visited = match self.envelope {
            Envelope::Canal => self.canal(row, shapes, visit),
            Envelope::AmplitudeGroups => self.amplitude_groups(row, visit),
            Envelope::Airbyte | Envelope::Mixpanel => self.inside(row, shapes, visit),
            _ => return self.unwrap(row, shapes, visit),
        };
        if let Err(error) = visited {
            visit(Err(error));
        }
    }

    /// Canal: `data` is a list of rows, all of one operation.
    fn canal(
        &self,
        row: Row<'_>,
        shapes: &mut Vec<Shape>,
        visit: &mut dyn FnMut(RowResult<'_>),
    ) -> Result<(), RowError> {
        let op = match text(row, "type")? {
            "INSERT" => "insert",
            "UPDATE" => "update",
            "DELETE" => "delete",
            "TRUNCATE" => return Err(truncated("truncate")),
            _ => return Ok(()),
        };
        let Some(Value::Json(data)) = field(row, "data") else { return Ok(()) };
        let old = match field(row, "old") {
            Some(Value::Json(old)) if old.trim_start().starts_with('[') => elements_of(old)?,
            _ => Vec::new(),
        };
        for (number, body) in elements_of(data)?.into_iter().enumerate() {
            let position = position::of_canal(row, number);
            let old = old.get(number).copied().filter(|old| old.trim_start().starts_with('{'));
            let read = self.row_of(Record::Change(Change { body, op: op.into(), position, old }), shapes, visit);
            if let Err(error) = read {
                visit(Err(error));
            }
        }
        Ok(())
    }

    /// The row is an object in one field of the record; of the other fields one comes along.
    fn inside(
        &self,
        row: Row<'_>,
        shapes: &mut Vec<Shape>,
        visit: &mut dyn FnMut(RowResult<'_>),
    ) -> Result<(), RowError> {
        let (body, beside) = match self.envelope {
            Envelope::Mixpanel => (MIXPANEL_BODY, field(row, MIXPANEL_NAME)),
            _ => (AIRBYTE_BODY, field(row, AIRBYTE_TIME).or_else(|| field(row, "_airbyte_emitted_at"))),
        };
        let object = match field(row, body) {
            Some(Value::Json(object) | Value::Text(object)) if object.trim_start().starts_with('{') => object,
            _ => return Err(other_shape(body)),
        };
        let (columns, mut values) = self.parser.object(object)?;
        let shape = self.shape_of(&columns, shapes);
        values.push(beside.cloned().unwrap_or(Value::Null));
        visit(Ok(Row { columns: &shape.columns, values: &values }));
        Ok(())
    }

    /// Amplitude's raw events: each group of an event, with what the event says of it.
    fn amplitude_groups(&self, row: Row<'_>, visit: &mut dyn FnMut(RowResult<'_>)) -> Result<(), RowError> {
        let object = |name: &str| match field(row, name) {
            Some(Value::Json(json)) if json.trim_start().starts_with('{') => self.parser.object(json),
            _ => self.parser.object("{}"),
        };
        let (group_types, groups) = object("groups")?;
        let (property_types, properties) = object("group_properties")?;
        let time = field(row, "event_time").and_then(text_of).unwrap_or_default();
        for (group_type, ids) in group_types.names.iter().zip(&groups) {
            let ids: Vec<Cow<'_, str>> = match ids {
                Value::Json(list) => elements_of(list)?.into_iter().map(unquoted).collect(),
                value => canonical_text(value).into_iter().collect(),
            };
            let place = property_types.names.iter().position(|name| name == group_type);
            let of_type = place.map(|n| &properties[n]);
            for id in ids.into_iter().filter(|id| !id.is_empty()) {
                let (names, by_id) = match of_type {
                    Some(Value::Json(json)) => self.parser.object(json)?,
                    _ => self.parser.object("{}")?,
                };
                let own = names.names.iter().position(|name| *name == id).map(|n| &by_id[n]);
                let own = match own {
                    Some(Value::Json(json)) => Value::Json(json.clone()),
                    _ => Value::Null,
                };
                let values = [Value::Text(group_type.into()), Value::Text(id), Value::Text(time.into()), own];
                visit(Ok(Row { columns: &self.groups, values: &values }));
            }
        }
        Ok(())
    }

    fn unwrap(&self, row: Row<'_>, shapes: &mut Vec<Shape>, visit: &mut dyn FnMut(RowResult<'_>)) {
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
            // Theirs are no changes of one row each.
            (Envelope::Canal | Envelope::AmplitudeGroups | Envelope::Airbyte | Envelope::Mixpanel, _) => {
                Ok(Record::Nothing)
            }
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
        Ok(Record::Change(Change { body: json(row, body)?, op: op.into(), position, old: object(row, "before") }))
    }

    fn maxwell<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let op = match text(row, "type")? {
            "insert" | "bootstrap-insert" => "insert",
            "update" => "update",
            "delete" => "delete",
            _ => return Ok(Record::Nothing),
        };
        let (body, position) = (json(row, "data")?, position::of_maxwell(row));
        Ok(Record::Change(Change { body, op: op.into(), position, old: object(row, "old") }))
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
            // What columns held before is among the others.
            Some((op, position)) => {
                Ok(Record::Change(Change { body: json(row, "data")?, op: op.into(), position, old: None }))
            }
        }
    }

    fn golden_gate<'a>(&self, row: Row<'a>) -> Result<Record<'a>, RowError> {
        let (op, body) = match text(row, "op_type")? {
            "I" => ("insert", "after"),
            "U" => ("update", "after"),
            "D" => ("delete", "before"),
            other => return Err(truncated(other)),
        };
        let (body, position) = (json(row, body)?, position::of_golden_gate(row));
        Ok(Record::Change(Change { body, op: op.into(), position, old: object(row, "before") }))
    }

    fn row_of(
        &self,
        record: Record<'_>,
        shapes: &mut Vec<Shape>,
        visit: &mut dyn FnMut(RowResult<'_>),
    ) -> Result<(), RowError> {
        let Record::Change(change) = record else {
            let values = [Value::Text(PRE_IMAGE.into())];
            visit(Ok(Row { columns: &self.nothing, values: &values }));
            return Ok(());
        };
        let (columns, mut values) = self.parser.object(change.body)?;
        let old_key = if change.op == "update" { self.old_key(&columns, &values, change.old)? } else { Vec::new() };
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
        kept.push(Value::Text(change.op));
        kept.push(change.position.unwrap_or(Value::Null));
        if !old_key.is_empty() {
            let mut before = kept.clone();
            before[shape.kept.len()] = Value::Text(PRE_IMAGE.into());
            for (column, value) in old_key {
                if let Some(place) = shape.columns.names.iter().position(|name| *name == column) {
                    before[place] = value;
                }
            }
            visit(Ok(Row { columns: &shape.columns, values: &before }));
        }
        visit(Ok(Row { columns: &shape.columns, values: &kept }));
        Ok(())
    }

    /// What key columns held before an update, if one of them held something else.
    fn old_key(
        &self,
        columns: &Columns,
        values: &[Value<'_>],
        old: Option<&str>,
    ) -> Result<Vec<(String, Value<'static>)>, RowError> {
        let mut changed = Vec::new();
        if self.keys.is_empty() {
            return Ok(changed);
        }
        let mut compare = |column: &str, old: Option<&Value<'_>>| {
            let now = columns.names.iter().position(|name| name == column).map(|n| &values[n]);
            if let (Some(old), Some(now)) = (old.and_then(canonical_text), now.and_then(canonical_text))
                && old != now
            {
                changed.push((column.to_string(), Value::Text(Cow::Owned(old.into_owned()))));
            }
        };
        match old {
            Some(old) => {
                let (old_columns, old_values) = self.parser.object(old)?;
                for column in self.keys.iter() {
                    let place = old_columns.names.iter().position(|name| name == column);
                    compare(column, place.map(|n| &old_values[n]));
                }
            }
            None if self.envelope == Envelope::Dms => {
                for column in self.keys.iter() {
                    let before = columns.names.iter().position(|name| name.strip_prefix(DMS_BEFORE) == Some(column));
                    compare(column, before.map(|n| &values[n]));
                }
            }
            None => {}
        }
        Ok(changed)
    }

    fn shape_of<'s>(&self, wrapped: &Arc<Columns>, shapes: &'s mut Vec<Shape>) -> &'s Shape {
        let known = shapes.iter().position(|shape| Arc::ptr_eq(&shape.wrapped, wrapped));
        let n = known.unwrap_or_else(|| {
            let names = &wrapped.names;
            // DMS puts the row before the change beside it, as BI_ columns.
            let is_before = |name: &String| {
                let column = name.strip_prefix(DMS_BEFORE).filter(|_| self.envelope == Envelope::Dms);
                column.is_some_and(|column| names.iter().any(|name| name == column))
            };
            let kept: Vec<usize> = (0..names.len()).filter(|n| !is_before(&names[*n])).collect();
            let mut columns: Vec<String> = kept.iter().map(|n| names[*n].clone()).collect();
            let added: &[&str] = match self.envelope {
                Envelope::Airbyte => &[AIRBYTE_TIME],
                Envelope::Mixpanel => &[MIXPANEL_NAME],
                _ => &[OP, POSITION],
            };
            // A property of the name that the event's name has.
            for column in columns.iter_mut().filter(|column| *column == MIXPANEL_NAME && added.contains(&MIXPANEL_NAME))
            {
                *column = format!("{MIXPANEL_BODY}.{MIXPANEL_NAME}");
            }
            columns.extend(added.iter().map(ToString::to_string));
            shapes.push(Shape { wrapped: wrapped.clone(), columns: Arc::new(Columns { names: columns }), kept });
            shapes.len() - 1
        });
        &shapes[n]
    }
}

/// The elements of a JSON list as they are written.
fn elements_of(list: &str) -> Result<Vec<&str>, RowError> {
    let broken = |_| {
        RowError::of_row(
            RowErrorCode::Malformed,
            "the record holds a list that is no valid JSON",
            "export the messages as they are, one a line",
        )
    };
    let elements: Vec<&RawValue> = serde_json::from_str(list).map_err(broken)?;
    Ok(elements.into_iter().map(RawValue::get).collect())
}

/// The text of a JSON string; another value as it is written.
fn unquoted(raw: &str) -> Cow<'_, str> {
    serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
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

/// A field that holds an object, where there is one.
fn object<'a>(row: Row<'a>, name: &str) -> Option<&'a str> {
    match field(row, name) {
        Some(Value::Json(json)) if json.trim_start().starts_with('{') => Some(json),
        _ => None,
    }
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
