use std::borrow::Cow;

use driftless_core::json::{Fault, Scanned, after_colon, skip_blank, text_end, unescaped, value};
use driftless_core::mapping::{NumberText, number_text};

/// Writes a JSON string. Text that needs no escape is copied whole.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
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
pub(crate) fn write_number(text: &str, out: &mut Vec<u8>) {
    match number_text(text) {
        NumberText::Number(text) => out.extend_from_slice(text.as_bytes()),
        NumberText::Text(text) => write_string(text, out),
    }
}

/// What a list or an object may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NestedLimits {
    /// Levels.
    pub depth: usize,
    /// Keys of an object, elements of an array.
    pub items: usize,
    /// Bytes as they are written.
    pub bytes: usize,
}

/// Why a nested value cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NestedError {
    NotJson,
    TooDeep,
    TooMany,
    TooLarge,
}

impl From<Fault> for NestedError {
    fn from(_: Fault) -> Self {
        Self::NotJson
    }
}

impl NestedError {
    pub fn cause(self, limits: NestedLimits) -> String {
        match self {
            Self::NotJson => "is not valid JSON".to_string(),
            Self::TooDeep => format!("is nested more than {} levels deep", limits.depth),
            Self::TooMany => format!("has an object or array with more than {} entries", limits.items),
            Self::TooLarge => format!("is a list or object of more than {} KB", limits.bytes / 1024),
        }
    }
}

/// Writes a JSON value without blanks, its strings and numbers spelled one way, so that equal values are equal bytes.
pub(crate) fn write_json(raw: &str, limits: NestedLimits, out: &mut Vec<u8>) -> Result<(), NestedError> {
    let start = out.len();
    let end = write_level(raw, skip_blank(raw.as_bytes(), 0), 0, limits, out)?;
    if skip_blank(raw.as_bytes(), end) < raw.len() {
        return Err(NestedError::NotJson);
    }
    if out.len() - start > limits.bytes && matches!(out[start], b'{' | b'[') {
        return Err(NestedError::TooLarge);
    }
    Ok(())
}

/// Writes the value at `at` and returns the byte after it. `depth` levels are open around it.
fn write_level(
    raw: &str,
    at: usize,
    depth: usize,
    limits: NestedLimits,
    out: &mut Vec<u8>,
) -> Result<usize, NestedError> {
    let bytes = raw.as_bytes();
    let Some(open @ (b'{' | b'[')) = bytes.get(at).copied() else {
        return write_scalar(raw, at, out);
    };
    if depth == limits.depth {
        return Err(NestedError::TooDeep);
    }
    let close = if open == b'{' { b'}' } else { b']' };
    out.push(open);
    let mut at = skip_blank(bytes, at + 1);
    let mut items = 0;
    while bytes.get(at) != Some(&close) || items > 0 {
        if items == limits.items {
            return Err(NestedError::TooMany);
        }
        if open == b'{' {
            let name = name_at(raw, at)?;
            write_string(&name.text, out);
            out.push(b':');
            at = name.value_at;
        }
        at = skip_blank(bytes, write_level(raw, at, depth + 1, limits, out)?);
        items += 1;
        match bytes.get(at) {
            Some(b',') => at = skip_blank(bytes, at + 1),
            Some(end) if *end == close => break,
            _ => return Err(NestedError::NotJson),
        }
        out.push(b',');
    }
    out.push(close);
    Ok(at + 1)
}

fn write_scalar(raw: &str, at: usize, out: &mut Vec<u8>) -> Result<usize, NestedError> {
    let (kind, end) = value(raw.as_bytes(), at)?;
    let token = &raw[at..end];
    match kind {
        // Text without escapes is spelled the one way already.
        Scanned::Text(false) | Scanned::Null | Scanned::Bool(_) => out.extend_from_slice(token.as_bytes()),
        Scanned::Text(true) => write_string(&unescaped(&token[1..token.len() - 1]), out),
        Scanned::Int(_) | Scanned::Number => write_number(token, out),
        Scanned::Nested => return Err(NestedError::NotJson),
    }
    Ok(end)
}

/// One field of a JSON object.
pub(crate) struct Field<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its value as it is written.
    pub raw: &'a str,
    /// Kind of the value.
    pub kind: Scanned,
}

impl<'a> Field<'a> {
    /// Its text, if it is one.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.kind {
            Scanned::Text(escaped) => Some(text_of(&self.raw[1..self.raw.len() - 1], escaped)),
            _ => None,
        }
    }
}

/// The fields of a JSON object in the order of their names; the last of two equal names counts.
pub(crate) fn fields_of(raw: &str) -> Result<Vec<Field<'_>>, NestedError> {
    let bytes = raw.as_bytes();
    let mut at = skip_blank(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err(NestedError::NotJson);
    }
    at = skip_blank(bytes, at + 1);
    let mut fields = Vec::with_capacity(16);
    while bytes.get(at) != Some(&b'}') || !fields.is_empty() {
        let Name { text: name, value_at } = name_at(raw, at)?;
        let (kind, end) = value(bytes, value_at)?;
        fields.push(Field { name, raw: &raw[value_at..end], kind });
        at = skip_blank(bytes, end);
        match bytes.get(at) {
            Some(b',') => at = skip_blank(bytes, at + 1),
            Some(b'}') => break,
            _ => return Err(NestedError::NotJson),
        }
    }
    if skip_blank(bytes, at + 1) < bytes.len() {
        return Err(NestedError::NotJson);
    }
    if !fields.is_sorted_by(|a, b| a.name < b.name) {
        // Stable, and read backwards: the last of two equal names comes first and is kept.
        fields.reverse();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields.dedup_by(|later, kept| later.name == kept.name);
    }
    Ok(fields)
}

/// The pairs of a list such as `[{"key":"page","value":{"string_value":"/"}}]`, with the member of the value that is there,
/// in the order of their keys; the last of two equal keys counts. GA4 keeps parameters like that
/// (developers.google.com/analytics/bigquery/event-schema, 2026-11), and BigQuery writes whole numbers as texts.
pub(crate) fn pairs_of(raw: &str) -> Result<Vec<Field<'_>>, NestedError> {
    let bytes = raw.as_bytes();
    let mut at = skip_blank(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return Err(NestedError::NotJson);
    }
    at = skip_blank(bytes, at + 1);
    let mut pairs = Vec::with_capacity(16);
    while bytes.get(at) != Some(&b']') || !pairs.is_empty() {
        let (_, end) = value(bytes, at)?;
        pairs.push(pair_of(&raw[at..end])?);
        at = skip_blank(bytes, end);
        match bytes.get(at) {
            Some(b',') => at = skip_blank(bytes, at + 1),
            Some(b']') => break,
            _ => return Err(NestedError::NotJson),
        }
    }
    if skip_blank(bytes, at + 1) < bytes.len() {
        return Err(NestedError::NotJson);
    }
    pairs.reverse();
    pairs.sort_by(|a, b| a.name.cmp(&b.name));
    pairs.dedup_by(|later, kept| later.name == kept.name);
    Ok(pairs)
}

fn pair_of(raw: &str) -> Result<Field<'_>, NestedError> {
    let (mut name, mut held) = (None, None);
    for field in fields_of(raw)? {
        match field.name.as_ref() {
            "key" => name = field.text(),
            "value" => held = Some(field),
            _ => {}
        }
    }
    let (name, held) = name.zip(held).ok_or(NestedError::NotJson)?;
    if held.kind != Scanned::Nested {
        return Ok(Field { name, ..held });
    }
    let member = fields_of(held.raw)?.into_iter().find(|field| field.kind != Scanned::Null);
    let Some(member) = member else { return Ok(Field { name, raw: "null", kind: Scanned::Null }) };
    let digits = member.raw.trim_matches('"');
    let is_number = member.name == "int_value" && serde_json::from_str::<serde_json::Number>(digits).is_ok();
    let (raw, kind) = if is_number { (digits, Scanned::Number) } else { (member.raw, member.kind) };
    Ok(Field { name, raw, kind })
}

/// The text of a JSON string.
pub(crate) fn string_of(raw: &str) -> Result<Cow<'_, str>, NestedError> {
    match value(raw.as_bytes(), 0)? {
        (Scanned::Text(escaped), end) if end == raw.len() => Ok(text_of(&raw[1..end - 1], escaped)),
        _ => Err(NestedError::NotJson),
    }
}

struct Name<'a> {
    text: Cow<'a, str>,
    value_at: usize,
}

fn name_at(raw: &str, at: usize) -> Result<Name<'_>, NestedError> {
    let bytes = raw.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return Err(NestedError::NotJson);
    }
    let (end, escaped) = text_end(bytes, at + 1)?;
    Ok(Name { text: text_of(&raw[at + 1..end], escaped), value_at: after_colon(bytes, end + 1)? })
}

fn text_of(raw: &str, escaped: bool) -> Cow<'_, str> {
    if escaped { Cow::Owned(unescaped(raw)) } else { Cow::Borrowed(raw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(raw: &str) -> Result<String, NestedError> {
        let mut out = Vec::new();
        write_json(raw, NestedLimits { depth: 3, items: 254, bytes: 8 * 1024 }, &mut out)
            .map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn pairs_are_fields_by_their_keys() {
        let raw = r#"[{"key":"b","value":{"string_value":null,"int_value":"12"}},{"key":"a","value":{"string_value":"x"}},
            {"value":{"double_value":1.5},"key":"c"},{"key":"none","value":{}},{"key":"flat","value":true}]"#;
        let pairs = pairs_of(raw).unwrap();
        let shown: Vec<String> = pairs.iter().map(|pair| format!("{}={}", pair.name, pair.raw)).collect();
        assert_eq!(shown, ["a=\"x\"", "b=12", "c=1.5", "flat=true", "none=null"]);
        assert!(pairs_of("[]").unwrap().is_empty());
        for bad in ["{}", "[1]", "[{\"key\":\"a\"}]", "[{\"value\":1}]", "[] 1", "["] {
            assert!(pairs_of(bad).is_err(), "{bad}");
        }
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
