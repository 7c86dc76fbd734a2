use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::json::{Fault, Scanned, after_colon, fault, skip_blank, text_end, unescaped, value};
use driftless_core::model::Value;

use super::shape::{Shape, Shapes};

/// Reads the values of one object and finds its shape. Keys are compared with the guess before they are parsed, because
/// the objects of an export mostly have the same keys in the same order.
pub(super) fn read_object<'b>(
    text: &'b str,
    guess: Option<&Arc<Shape>>,
    shapes: &Shapes,
    keys: &mut Vec<u8>,
    values: &mut Vec<Value<'b>>,
) -> Result<Option<Arc<Shape>>, Fault> {
    let bytes = text.as_bytes();
    values.clear();
    keys.clear();
    let mut at = skip_blank(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return fault("it is no JSON object", at);
    }
    at = skip_blank(bytes, at + 1);
    let mut guess = guess;
    let mut is_open = bytes.get(at) != Some(&b'}');
    if !is_open {
        at += 1;
    }
    while is_open {
        let expected = guess.and_then(|shape| shape.raw_keys.get(values.len()));
        match expected {
            Some(raw) if bytes[at..].starts_with(raw) => at += raw.len(),
            _ => {
                if let Some(shape) = guess.take() {
                    shape.raw_keys[..values.len()].iter().for_each(|raw| keys.extend_from_slice(raw));
                }
                if bytes.get(at) != Some(&b'"') {
                    return fault("a key in quotes is expected", at);
                }
                let (end, _) = text_end(bytes, at + 1)?;
                keys.extend_from_slice(&bytes[at..=end]);
                at = end + 1;
            }
        }
        at = after_colon(bytes, at)?;
        let (scanned, end) = value(bytes, at)?;
        values.push(value_of(scanned, text, at, end));
        at = skip_blank(bytes, end);
        match bytes.get(at) {
            Some(b',') => at = skip_blank(bytes, at + 1),
            Some(b'}') => {
                is_open = false;
                at += 1;
            }
            Some(_) => return fault("a comma or a closing brace is expected", at),
            None => return fault("the object is not closed", at),
        }
    }
    at = skip_blank(bytes, at);
    if at != bytes.len() {
        return fault("something follows the object: there must be one object per line", at);
    }
    let shape = match guess {
        Some(shape) if shape.raw_keys.len() == values.len() => None,
        Some(shape) => {
            shape.raw_keys[..values.len()].iter().for_each(|raw| keys.extend_from_slice(raw));
            Some(shapes.of_keys(keys)?)
        }
        None => Some(shapes.of_keys(keys)?),
    };
    Ok(shape)
}

fn value_of(scanned: Scanned, text: &str, start: usize, end: usize) -> Value<'_> {
    let raw = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
    match scanned {
        Scanned::Null => Value::Null,
        Scanned::Bool(value) => Value::Bool(value),
        Scanned::Int(number) => Value::Int(number),
        Scanned::Number => Value::Number(Cow::Borrowed(raw(start, end))),
        Scanned::Text(false) => Value::Text(Cow::Borrowed(raw(start + 1, end - 1))),
        Scanned::Text(true) => Value::Text(Cow::Owned(unescaped(raw(start + 1, end - 1)))),
        Scanned::Nested => Value::Json(Cow::Borrowed(raw(start, end))),
    }
}

/// Of keys that occur twice the last value counts, at the place of the first.
pub(super) fn fold_repeats<'b>(targets: &[usize], columns: usize, values: &mut Vec<Value<'b>>) {
    for (n, target) in targets.iter().enumerate() {
        if *target != n {
            let last = std::mem::replace(&mut values[n], Value::Null);
            values[*target] = last;
        }
    }
    values.truncate(columns);
}
