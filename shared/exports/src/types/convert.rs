use std::borrow::Cow;

use driftless_core::json::is_json;
use driftless_core::model::{ColumnType, RowError, RowErrorCode, Value};

use super::numeric::{integer, number};
use super::time::{date, timestamp};

/// A text as a value of a type; the text itself if it does not fit. `is_declared`: a person named the type, so other
/// spellings of it are accepted too.
///
/// An empty text is null for every type but text: nobody can write an empty number otherwise where everything is quoted.
pub(crate) fn typed(text: Cow<'_, str>, column_type: ColumnType, is_declared: bool) -> Result<Value<'_>, Cow<'_, str>> {
    if column_type == ColumnType::String {
        return Ok(Value::Text(text));
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match text {
        Cow::Borrowed(text) => read(text, column_type, is_declared).ok_or(Cow::Borrowed(text)),
        Cow::Owned(text) => match read(&text, column_type, is_declared).map(owned) {
            Some(value) => Ok(value),
            None => Err(Cow::Owned(text)),
        },
    }
}

fn read(text: &str, column_type: ColumnType, is_declared: bool) -> Option<Value<'_>> {
    let text = if is_declared { text.trim_matches(' ') } else { text };
    match column_type {
        ColumnType::String => Some(Value::Text(Cow::Borrowed(text))),
        ColumnType::Integer => integer(text, is_declared),
        ColumnType::Number => number(text, is_declared),
        ColumnType::Boolean => boolean(text, is_declared).map(Value::Bool),
        ColumnType::Timestamp => timestamp(text).map(|(nanos, utc)| Value::Timestamp { nanos, utc }),
        ColumnType::Date => date(text).map(Value::Date),
        ColumnType::Json => match text {
            "null" => Some(Value::Null),
            _ => is_json(text).then_some(Value::Json(Cow::Borrowed(text))),
        },
    }
}

/// Only `true` and `false` in any case, unless the type is declared: then also what Redshift, MySQL and Oracle write.
pub(super) fn boolean(text: &str, is_declared: bool) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["true"]) || (is_declared && is(&["t", "1", "y", "yes"])) {
        Some(true)
    } else if is(&["false"]) || (is_declared && is(&["f", "0", "n", "no"])) {
        Some(false)
    } else {
        None
    }
}

fn owned(value: Value<'_>) -> Value<'static> {
    let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(value),
        Value::Int(number) => Value::Int(number),
        Value::UInt(number) => Value::UInt(number),
        Value::Float(number) => Value::Float(number),
        Value::Number(text) => Value::Number(owned(text)),
        Value::Text(text) => Value::Text(owned(text)),
        Value::Timestamp { nanos, utc } => Value::Timestamp { nanos, utc },
        Value::Date(days) => Value::Date(days),
        Value::Json(text) => Value::Json(owned(text)),
    }
}

/// The name of a type in the configuration.
fn name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::String => "string",
        ColumnType::Integer => "integer",
        ColumnType::Number => "number",
        ColumnType::Boolean => "boolean",
        ColumnType::Timestamp => "timestamp",
        ColumnType::Date => "date",
        ColumnType::Json => "json",
    }
}

/// The error for a value that is not of its column's declared type.
pub(crate) fn misfit(column: &str, column_type: ColumnType) -> RowError {
    RowError::of_column(
        RowErrorCode::TypeMismatch,
        column,
        format!("a value of column {column} is no {}, which source.types declares", name(column_type)),
        "fix the value, or declare another type in source.types (string accepts everything)",
    )
}

/// The error for a record that is not UTF-8.
pub(crate) fn not_utf8() -> RowError {
    RowError::of_row(RowErrorCode::Malformed, "the record is not valid UTF-8", "export text as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(text: &str, column_type: ColumnType, is_declared: bool) -> Option<Value<'_>> {
        typed(Cow::Borrowed(text), column_type, is_declared).ok()
    }

    #[test]
    fn inferred_types_take_only_the_canonical_spelling() {
        use ColumnType::*;
        assert_eq!(read_as("7", Integer, false), Some(Value::Int(7)));
        assert_eq!(read_as("007", Integer, false), None);
        assert_eq!(read_as("t", Boolean, false), None);
        assert_eq!(read_as("TRUE", Boolean, false), Some(Value::Bool(true)));
        assert_eq!(read_as("", Integer, false), Some(Value::Null));
        assert_eq!(read_as("", String, false), Some(Value::Text("".into())));
    }

    #[test]
    fn declared_types_take_what_producers_write() {
        use ColumnType::*;
        assert_eq!(read_as(" +007 ", Integer, true), Some(Value::Int(7)));
        assert_eq!(read_as("t", Boolean, true), Some(Value::Bool(true)));
        assert_eq!(read_as("+5.06e+05", Number, true), Some(Value::Number("5.06e+05".into())));
        assert_eq!(read_as("NaN", Number, true), Some(Value::Null));
        assert_eq!(read_as("{\"a\":[1]}", Json, true), Some(Value::Json("{\"a\":[1]}".into())));
        assert_eq!(read_as("{a}", Json, true), None);
        assert!(misfit("price", Number).cause.contains("price"));
    }
}
