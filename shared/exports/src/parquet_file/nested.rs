use std::fmt::Write;

use arrow::array::*;
use arrow::datatypes::DataType;
use driftless_core::mapping::canonical_text;
use driftless_core::model::Value;

use super::cells::Cells;

/// A nested value as JSON text: structs and maps with text keys as objects, other maps as arrays of key and value.
/// Numbers keep their digits, times and dates are texts, floats without a JSON spelling are null.
pub(super) fn json_of(array: &dyn Array, row: usize) -> String {
    let mut json = String::new();
    push_cell(&mut json, array, row);
    json
}

/// Goes as deep as the schema, whose depth was checked when the file was opened.
fn push_cell(json: &mut String, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        json.push_str("null");
        return;
    }
    let any = array.as_any();
    if let Some(list) = any.downcast_ref::<ListArray>() {
        push_list(json, list.value(row).as_ref());
    } else if let Some(list) = any.downcast_ref::<LargeListArray>() {
        push_list(json, list.value(row).as_ref());
    } else if let Some(list) = any.downcast_ref::<FixedSizeListArray>() {
        push_list(json, list.value(row).as_ref());
    } else if let Some(record) = any.downcast_ref::<StructArray>() {
        push_struct(json, record, row);
    } else if let Some(map) = any.downcast_ref::<MapArray>() {
        push_map(json, &map.value(row));
    } else {
        push_value(json, &Cells::of(array, false).value(row));
    }
}

fn push_list(json: &mut String, items: &dyn Array) {
    json.push('[');
    for n in 0..items.len() {
        if n > 0 {
            json.push(',');
        }
        push_cell(json, items, n);
    }
    json.push(']');
}

fn push_struct(json: &mut String, record: &StructArray, row: usize) {
    json.push('{');
    for (n, (field, column)) in record.fields().iter().zip(record.columns()).enumerate() {
        if n > 0 {
            json.push(',');
        }
        push_json_text(json, field.name());
        json.push(':');
        push_cell(json, column.as_ref(), row);
    }
    json.push('}');
}

fn push_map(json: &mut String, entries: &StructArray) {
    let (keys, values) = match entries.columns() {
        [keys, values] => (keys, Some(values)),
        [keys] => (keys, None),
        _ => return json.push_str("null"),
    };
    let has_text_keys =
        matches!(keys.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary);
    let key_cells = Cells::of(keys.as_ref(), false);
    json.push(if has_text_keys { '{' } else { '[' });
    for n in 0..entries.len() {
        if n > 0 {
            json.push(',');
        }
        if has_text_keys {
            let key = key_cells.value(n);
            push_json_text(json, &canonical_text(&key).unwrap_or_default());
            json.push(':');
        } else {
            json.push_str("{\"key\":");
            push_cell(json, keys.as_ref(), n);
            json.push_str(",\"value\":");
        }
        match values {
            Some(values) => push_cell(json, values.as_ref(), n),
            None => json.push_str("null"),
        }
        if !has_text_keys {
            json.push('}');
        }
    }
    json.push(if has_text_keys { '}' } else { ']' });
}

/// A flat value as JSON.
pub(crate) fn push_value(json: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Float(number) if !number.is_finite() => json.push_str("null"),
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Number(_) | Value::Json(_) => {
            json.push_str(&canonical_text(value).unwrap_or_default());
        }
        // Not through text: 1e300 has no need of 300 digits.
        Value::Float(number) => {
            // Writing to a string cannot fail.
            let _ = write!(json, "{number:?}");
        }
        Value::Text(_) | Value::Timestamp { .. } | Value::Date(_) => {
            push_json_text(json, &canonical_text(value).unwrap_or_default());
        }
    }
}

/// A text in JSON quotes.
pub(crate) fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}
