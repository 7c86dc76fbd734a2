//! The size and nesting rules of property values, and what Mixpanel keeps of values that are too long.

use std::borrow::Cow;
use std::io;

use serde_json::{Map, Value};

use super::limits::{ENTRIES_BELOW, MAX_NAME_CHARS, MAX_OBJECT_DEPTH, MAX_STRING_BYTES};

/// Why a property value is refused; `None` when it is fine.
pub fn refusal(value: &Value) -> Option<&'static str> {
    refusal_at(value, 0)
}

fn refusal_at(value: &Value, objects_above: usize) -> Option<&'static str> {
    match value {
        Value::Array(elements) if elements.len() >= ENTRIES_BELOW => Some("array must have fewer than 255 elements"),
        Value::Array(elements) => elements.iter().find_map(|element| refusal_at(element, objects_above)),
        Value::Object(_) if objects_above >= MAX_OBJECT_DEPTH => Some("nested objects must not be deeper than 3"),
        Value::Object(entries) if entries.len() >= ENTRIES_BELOW => Some("nested object must have fewer than 255 keys"),
        Value::Object(entries) => entries.values().find_map(|entry| refusal_at(entry, objects_above + 1)),
        _ => None,
    }
}

/// The value as Mixpanel keeps it: long strings and names are cut off.
pub fn kept_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(kept_string(text).to_owned()),
        Value::Array(elements) => Value::Array(elements.iter().map(kept_value).collect()),
        Value::Object(entries) => Value::Object(
            entries.iter().map(|(name, entry)| (kept_name(name).to_owned(), kept_value(entry))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// At most [`MAX_STRING_BYTES`] bytes of `text`, cut between two characters.
pub fn kept_string(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_STRING_BYTES)).unwrap_or(text)
}

/// At most [`MAX_NAME_CHARS`] characters of `name`.
pub fn kept_name(name: &str) -> &str {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => name.get(..end).unwrap_or(name),
        None => name,
    }
}

/// A name for an error message, short enough to be read.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    const SHOWN_CHARS: usize = 64;
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

/// Bytes of the value as compact JSON.
pub fn json_bytes(value: &Value) -> usize {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_cut_between_characters() {
        let text = "ä".repeat(200);
        assert_eq!(kept_string(&text), "ä".repeat(127));
        assert_eq!(kept_string("short"), "short");
    }

    #[test]
    fn names_are_cut_by_characters() {
        assert_eq!(kept_name(&"ä".repeat(300)), "ä".repeat(255));
    }

    #[test]
    fn json_is_counted_without_spaces() {
        assert_eq!(json_bytes(&serde_json::json!({"a": [1, "b"]})), r#"{"a":[1,"b"]}"#.len());
    }
}
