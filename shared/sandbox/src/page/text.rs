//! Values as text for the page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// `2026-01-31 09:05:07`, in UTC; the number itself if it is no time.
pub(super) fn when(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// `1 234 567`, with narrow spaces.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `12.5 %`.
pub(super) fn share(share: f64) -> String {
    let percent = (share * 1000.0).round() / 10.0;
    format!("{percent}\u{202f}%")
}

/// JSON over several lines; the text itself if it is no JSON.
pub(super) fn pretty(json: &str) -> String {
    serde_json::from_str::<Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

/// A value inside a query string.
pub(super) fn in_query(value: &str) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_readable() {
        assert_eq!(when(1_767_225_600_123), "2026-01-01 00:00:00");
        assert_eq!(when(i64::MAX), i64::MAX.to_string());
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567).replace('\u{202f}', " "), "1 234 567");
        assert_eq!(share(0.125).replace('\u{202f}', " "), "12.5 %");
        assert_eq!(pretty(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
        assert_eq!(in_query("a b&ä"), "a%20b%26%C3%A4");
    }
}
