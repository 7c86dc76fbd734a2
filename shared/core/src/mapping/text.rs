use std::borrow::Cow;

use super::time::timestamp_text;
use crate::model::Value;

/// A value as text, the same for every format that can hold it: `1` whether it was an integer, a decimal or text.
/// `None` for null.
pub fn canonical_text<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(n) => Cow::Owned(n.to_string()),
        Value::UInt(n) => Cow::Owned(n.to_string()),
        Value::Float(n) => Cow::Owned(n.to_string()),
        Value::Number(text) | Value::Text(text) | Value::Json(text) => Cow::Borrowed(text.as_ref()),
        Value::Timestamp { nanos, .. } => Cow::Owned(timestamp_text(*nanos)),
        Value::Date(days) => Cow::Owned(timestamp_text(i128::from(*days) * 86_400_000_000_000)[..10].to_string()),
    })
}

/// Cuts text to at most `bytes_max` bytes at a character boundary. Returns the same text if it fits.
pub fn truncate_utf8(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(truncate_utf8("añb", 2), "a");
        assert_eq!(truncate_utf8("añb", 3), "añ");
        assert_eq!(truncate_utf8("añb", 9), "añb");
    }

    #[test]
    fn one_key_has_one_text_in_every_format() {
        let texts: Vec<_> = [Value::Int(7), Value::Number("7".into()), Value::Text("7".into())]
            .iter()
            .map(|v| canonical_text(v).map(Cow::into_owned))
            .collect();
        assert!(texts.iter().all(|t| t.as_deref() == Some("7")));
        assert_eq!(canonical_text(&Value::Date(1)).as_deref(), Some("1970-01-02"));
    }
}
