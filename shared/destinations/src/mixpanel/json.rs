use std::borrow::Cow;

use driftless_core::mapping::{NumberText, number_text};
use sonic_rs::JsonValueTrait;

use super::limits::{NESTED_BYTES, NESTED_DEPTH, NESTED_ITEMS};

/// Writes a JSON string. Text that needs no escape is copied whole.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    if needs_escape(bytes) {
        write_escaped(bytes, out)
    } else {
        out.extend_from_slice(bytes)
    }
    out.push(b'"');
}

/// Whether any byte is a quote, a backslash or a control character; eight bytes at a time.
fn needs_escape(bytes: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut eight = [0u8; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        if control | has_zero(word ^ (LOW * u64::from(b'"'))) | has_zero(word ^ (LOW * u64::from(b'\\'))) != 0 {
            return true;
        }
    }
    chunks.remainder().iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
}

fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    for (n, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => &[],
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..n]);
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
        start = n + 1;
    }
    out.extend_from_slice(&bytes[start..]);
}

/// Writes a number by the one rule: as a number if a float keeps its digits, else as text.
pub(super) fn write_number(text: &str, out: &mut Vec<u8>) {
    match number_text(text) {
        NumberText::Number(text) => out.extend_from_slice(text.as_bytes()),
        NumberText::Text(text) => write_string(text, out),
    }
}

/// Why a nested value cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NestedError {
    NotJson,
    TooDeep,
    TooMany,
    TooLarge,
}

impl NestedError {
    pub fn cause(self) -> &'static str {
        match self {
            Self::NotJson => "is not valid JSON",
            Self::TooDeep => "is nested more than 3 levels deep",
            Self::TooMany => "has an object or array with more than 254 entries",
            Self::TooLarge => "is a list or object of more than 8 KB",
        }
    }
}

/// Writes a JSON value without blanks, its strings and numbers spelled one way, so that equal values are equal bytes.
pub(super) fn write_json(raw: &str, out: &mut Vec<u8>) -> Result<(), NestedError> {
    // Looked at first, because the parser would walk any depth by recursion.
    if is_deeper_than(raw, NESTED_DEPTH) {
        return Err(NestedError::TooDeep);
    }
    let start = out.len();
    write_level(raw.trim_ascii(), out)?;
    if out.len() - start > NESTED_BYTES && matches!(out[start], b'{' | b'[') {
        return Err(NestedError::TooLarge);
    }
    Ok(())
}

fn write_level(raw: &str, out: &mut Vec<u8>) -> Result<(), NestedError> {
    match raw.as_bytes().first() {
        Some(b'{') => {
            out.push(b'{');
            for (n, field) in sonic_rs::to_object_iter(raw).enumerate() {
                let (name, value) = field.map_err(|_| NestedError::NotJson)?;
                if n == NESTED_ITEMS {
                    return Err(NestedError::TooMany);
                }
                if n > 0 {
                    out.push(b',');
                }
                write_string(&name, out);
                out.push(b':');
                write_level(value.as_raw_str(), out)?;
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for (n, item) in sonic_rs::to_array_iter(raw).enumerate() {
                let item = item.map_err(|_| NestedError::NotJson)?;
                if n == NESTED_ITEMS {
                    return Err(NestedError::TooMany);
                }
                if n > 0 {
                    out.push(b',');
                }
                write_level(item.as_raw_str(), out)?;
            }
            out.push(b']');
        }
        Some(b'"') => write_string(&string_of(raw)?, out),
        Some(b'-' | b'0'..=b'9') => write_number(raw, out),
        _ if matches!(raw, "true" | "false" | "null") => out.extend_from_slice(raw.as_bytes()),
        _ => return Err(NestedError::NotJson),
    }
    Ok(())
}

/// Whether brackets outside of strings open more levels than `limit`.
fn is_deeper_than(raw: &str, limit: usize) -> bool {
    // Seldom are there even so many brackets, and counting them is quick.
    if raw.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= limit {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in raw.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The text of a JSON string.
pub(super) fn string_of(raw: &str) -> Result<Cow<'_, str>, NestedError> {
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).ok_or(NestedError::NotJson)?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).map(Cow::Owned).map_err(|_| NestedError::NotJson)
}

/// The fields of a JSON object in the order of their names; the last of two equal names counts.
pub(super) fn fields_of(raw: &str) -> Result<Vec<(Cow<'_, str>, sonic_rs::LazyValue<'_>)>, NestedError> {
    let raw = raw.trim_ascii();
    if !raw.starts_with('{') || is_deeper_than(raw, NESTED_DEPTH + 1) {
        return Err(NestedError::NotJson);
    }
    let mut fields = Vec::new();
    for field in sonic_rs::to_object_iter(raw) {
        let (name, value) = field.map_err(|_| NestedError::NotJson)?;
        fields.push((name, value));
    }
    if !fields.is_sorted_by(|a, b| a.0 < b.0) {
        // Stable, and read backwards: the last of two equal names comes first and is kept.
        fields.reverse();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|later, kept| later.0 == kept.0);
    }
    Ok(fields)
}

pub(super) fn is_null(value: &sonic_rs::LazyValue<'_>) -> bool {
    value.is_null()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(raw: &str) -> Result<String, NestedError> {
        let mut out = Vec::new();
        write_json(raw, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn equal_values_become_equal_bytes() {
        assert_eq!(json(r#" { "a" : [1, "\u00e9", null] , "b":{ } } "#).unwrap(), r#"{"a":[1,"é",null],"b":{}}"#);
        assert_eq!(json("12345678901234567890").unwrap(), r#""12345678901234567890""#);
        assert_eq!(json("\"a\\\"b\\u0001\"").unwrap(), "\"a\\\"b\\u0001\"");
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(json("[[[1]]]").unwrap(), "[[[1]]]");
        assert_eq!(json("[[[[1]]]]"), Err(NestedError::TooDeep));
        assert_eq!(json(&format!("[{}1]", "1,".repeat(254))), Err(NestedError::TooMany));
        assert_eq!(json(&format!("[\"{}\"]", "x".repeat(9_000))), Err(NestedError::TooLarge));
        assert_eq!(json("{\"a\":}"), Err(NestedError::NotJson));
        assert_eq!(json(&"[".repeat(100_000)), Err(NestedError::TooDeep));
    }
}
