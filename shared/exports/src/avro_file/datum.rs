use std::borrow::Cow;

use driftless_core::model::Value;

use super::cursor::{Cursor, Fault};
use super::schema::{Schema, Type};
use crate::limits::{AVRO_EMPTY_ITEMS_MAX, DEPTH_MAX};
use crate::parquet_file::{bytes_text, decimal_text, push_json_text, push_value, shortest_float, time_text, uuid_text};

/// Reads one value. Nested ones become JSON text.
pub(super) fn read<'a>(schema: &'a Schema, of: &'a Type, cursor: &mut Cursor<'a>) -> Result<Value<'a>, Fault> {
    let of = branch(schema, of, cursor)?;
    match of {
        Type::Record(_) | Type::Array(_) | Type::Map(_) => {
            let mut json = String::new();
            push_nested(schema, of, cursor, &mut json, 0)?;
            Ok(Value::Json(Cow::Owned(json)))
        }
        _ => flat(of, cursor),
    }
}

/// Passes over one value and checks it.
pub(super) fn skip<'a>(schema: &'a Schema, of: &'a Type, cursor: &mut Cursor<'a>, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    match branch(schema, of, cursor)? {
        Type::Record(fields) => fields.iter().try_for_each(|(_, field)| skip(schema, field, cursor, depth + 1)),
        Type::Array(items) => each_item(cursor, |cursor, _| skip(schema, items, cursor, depth + 1)),
        Type::Map(values) => each_item(cursor, |cursor, _| {
            cursor.text()?;
            skip(schema, values, cursor, depth + 1)
        }),
        other => flat(other, cursor).map(|_| ()),
    }
}

const TOO_DEEP: Fault = "a value is nested more than 64 levels deep";

/// The type that is really there: behind names, and of a union the branch that the data names.
fn branch<'a>(schema: &'a Schema, of: &'a Type, cursor: &mut Cursor<'_>) -> Result<&'a Type, Fault> {
    match schema.resolve(of) {
        Type::Union(branches) => {
            let branch = branches.get(cursor.length()?).ok_or("a union has no such branch")?;
            match schema.resolve(branch) {
                Type::Union(_) => Err("a union is directly within a union"),
                found => Ok(found),
            }
        }
        found => Ok(found),
    }
}

fn flat<'a>(of: &'a Type, cursor: &mut Cursor<'a>) -> Result<Value<'a>, Fault> {
    Ok(match of {
        Type::Null => Value::Null,
        Type::Bool => match cursor.array::<1>()? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return Err("a boolean is neither true nor false"),
        },
        Type::Int => Value::Int(cursor.int()?.into()),
        Type::Long => Value::Int(cursor.long()?),
        Type::Float => Value::Float(shortest_float(f32::from_le_bytes(cursor.array()?))),
        Type::Double => Value::Float(f64::from_le_bytes(cursor.array()?)),
        Type::Bytes => Value::Text(bytes_text(cursor.bytes()?)),
        Type::Text => Value::Text(Cow::Borrowed(cursor.text()?)),
        Type::Fixed(size) => Value::Text(bytes_text(cursor.take(*size)?)),
        Type::Enum(symbols) => {
            Value::Text(Cow::Borrowed(symbols.get(cursor.length()?).ok_or("an enum has no such symbol")?))
        }
        Type::Decimal { fixed, scale } => {
            let bytes = match fixed {
                Some(size) => cursor.take(*size)?,
                None => cursor.bytes()?,
            };
            let unscaled = signed_digits(bytes).ok_or("a decimal has more than 76 digits")?;
            Value::Number(Cow::Owned(decimal_text(&unscaled, *scale)))
        }
        Type::Date => Value::Date(cursor.int()?),
        Type::Time(nanos) => Value::Text(Cow::Owned(time_text(cursor.long()?.saturating_mul(*nanos)))),
        Type::Timestamp(nanos, utc) => {
            Value::Timestamp { nanos: i128::from(cursor.long()?) * i128::from(*nanos), utc: *utc }
        }
        Type::Uuid => Value::Text(Cow::Owned(uuid_text(cursor.take(16)?))),
        Type::Duration => {
            let mut part = || cursor.array().map(u32::from_le_bytes);
            let (months, days, ms) = (part()?, part()?, part()?);
            Value::Text(Cow::Owned(format!("P{months}M{days}DT{}.{:03}S", ms / 1000, ms % 1000)))
        }
        Type::Array(_) | Type::Map(_) | Type::Union(_) | Type::Record(_) | Type::Named(_) => {
            return Err("the schema refers to itself without end");
        }
    })
}

/// A big-endian two's complement number in decimal digits.
fn signed_digits(bytes: &[u8]) -> Option<String> {
    use arrow::datatypes::i256;
    let fill = if bytes.first().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    if bytes.len() > 32 && bytes[..bytes.len() - 32].iter().any(|b| *b != fill) {
        return None;
    }
    let mut wide = [fill; 32];
    let kept = &bytes[bytes.len().saturating_sub(32)..];
    wide[32 - kept.len()..].copy_from_slice(kept);
    Some(i256::from_be_bytes(wide).to_string())
}

/// Visits the items of an array or map: blocks of a count, negative if the block's size follows, until a count of zero.
fn each_item<'a>(
    cursor: &mut Cursor<'a>,
    mut item: impl FnMut(&mut Cursor<'a>, bool) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut is_first = true;
    let mut empty = 0;
    loop {
        let count = cursor.long()?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            cursor.long()?;
        }
        for _ in 0..count.unsigned_abs() {
            let before = cursor.bytes.len();
            item(cursor, is_first)?;
            is_first = false;
            if cursor.bytes.len() == before {
                empty += 1;
                if empty > AVRO_EMPTY_ITEMS_MAX {
                    return Err("an array has too many items that hold nothing");
                }
            }
        }
    }
}

fn push_nested<'a>(
    schema: &'a Schema,
    of: &'a Type,
    cursor: &mut Cursor<'a>,
    json: &mut String,
    depth: usize,
) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    match branch_of_nested(schema, of, cursor, depth)? {
        Type::Record(fields) => {
            json.push('{');
            for (n, (name, field)) in fields.iter().enumerate() {
                if n > 0 {
                    json.push(',');
                }
                push_json_text(json, name);
                json.push(':');
                push_nested(schema, field, cursor, json, depth + 1)?;
            }
            json.push('}');
        }
        Type::Array(items) => {
            json.push('[');
            each_item(cursor, |cursor, is_first| {
                if !is_first {
                    json.push(',');
                }
                push_nested(schema, items, cursor, json, depth + 1)
            })?;
            json.push(']');
        }
        Type::Map(values) => {
            json.push('{');
            each_item(cursor, |cursor, is_first| {
                if !is_first {
                    json.push(',');
                }
                push_json_text(json, cursor.text()?);
                json.push(':');
                push_nested(schema, values, cursor, json, depth + 1)
            })?;
            json.push('}');
        }
        other => push_value(json, &flat(other, cursor)?),
    }
    Ok(())
}

/// The outermost type had its branch chosen already.
fn branch_of_nested<'a>(
    schema: &'a Schema,
    of: &'a Type,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<&'a Type, Fault> {
    if depth == 0 { Ok(of) } else { branch(schema, of, cursor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(signed_digits(&[]).as_deref(), Some("0"));
        assert_eq!(signed_digits(&[0xff]).as_deref(), Some("-1"));
        assert_eq!(signed_digits(&[0x01, 0x00]).as_deref(), Some("256"));
        assert_eq!(signed_digits(&[0x7f; 40]), None);
        assert_eq!(signed_digits(&[0xff; 40]).as_deref(), Some("-1"));
    }

    #[test]
    fn nested_values_become_json() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"array","items":
                {"type":"record","name":"I","fields":[{"name":"x","type":["string","double"]}]}}]}]}"#,
        )
        .unwrap();
        let bytes = [2, 4, 0, 2, b'"', 2, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 0];
        let mut cursor = Cursor { bytes: &bytes };
        let value = read(&schema, &schema.fields[0].1, &mut cursor).unwrap();
        assert_eq!(value, Value::Json(r#"[{"x":"\""},{"x":null}]"#.into()));
        assert!(cursor.bytes.is_empty());
        let mut again = Cursor { bytes: &bytes };
        skip(&schema, &schema.fields[0].1, &mut again, 0).unwrap();
        assert!(again.bytes.is_empty());
        // A billion nulls in a few bytes.
        let nulls = Type::Array(Box::new(Type::Null));
        let mut bomb = Cursor { bytes: &[0x80, 0x94, 0xeb, 0xdc, 0x07, 0] };
        assert!(skip(&schema, &nulls, &mut bomb, 0).is_err());
    }
}
