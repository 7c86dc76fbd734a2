use super::text::escapes_are_whole;

/// Levels of JSON that are looked into, so that depth costs a bounded stack anywhere.
pub const DEPTH_MAX: usize = 64;

/// What is wrong with JSON text, without any of it, and the byte where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What, in words that hold none of the text.
    pub what: &'static str,
    /// Offset in bytes.
    pub at: usize,
}

/// A fault as a result.
///
/// # Errors
/// Always.
pub fn fault<T>(what: &'static str, at: usize) -> Result<T, Fault> {
    Err(Fault { what, at })
}

/// A kind of value, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// Any other number.
    Number,
    /// Whether it has escapes.
    Text(bool),
    /// An object or array.
    Nested,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;

/// The first byte at or after `at` that ends plain text: a quote, a backslash, a control character. Eight bytes at a time.
pub fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|chunk| <[u8; 8]>::try_from(chunk).ok()) {
        let word = u64::from_le_bytes(chunk);
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
        let quotes = zeros(word ^ (ONES * b'"' as u64));
        let backslashes = zeros(word ^ (ONES * b'\\' as u64));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let hits = (quotes | backslashes | controls) & HIGH_BITS;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\') {
        at += 1;
    }
    at
}

/// The closing quote of the text that starts after an opening quote, and whether there are escapes. Escapes are checked.
pub fn text_end(bytes: &[u8], start: usize) -> Result<(usize, bool), Fault> {
    let mut at = plain_end(bytes, start);
    if bytes.get(at) == Some(&b'"') {
        return Ok((at, false));
    }
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => at = plain_end(bytes, at + 2),
            Some(_) => return fault("a text holds a control character", at),
            None => return fault("a text is not closed", start),
        }
    }
    match escapes_are_whole(&bytes[start..at]) {
        Ok(()) => Ok((at, true)),
        Err(what) => fault(what, start),
    }
}

/// The first byte at or after `at` that is no blank.
pub fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The value that starts at `at` and the byte after it, all of it checked.
#[inline]
pub fn value(bytes: &[u8], at: usize) -> Result<(Scanned, usize), Fault> {
    match bytes.get(at) {
        Some(b'"') => text_end(bytes, at + 1).map(|(end, escaped)| (Scanned::Text(escaped), end + 1)),
        Some(b'{' | b'[') => nested_end(bytes, at).map(|end| (Scanned::Nested, end)),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b't') => literal(bytes, at, b"true", Scanned::Bool(true)),
        Some(b'f') => literal(bytes, at, b"false", Scanned::Bool(false)),
        Some(b'n') => literal(bytes, at, b"null", Scanned::Null),
        Some(_) => fault("a value is expected", at),
        None => fault("it ends where a value is expected", at),
    }
}

fn literal(bytes: &[u8], at: usize, word: &[u8], scanned: Scanned) -> Result<(Scanned, usize), Fault> {
    if bytes[at..].starts_with(word) { Ok((scanned, at + word.len())) } else { fault("a value is expected", at) }
}

fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn number(bytes: &[u8], start: usize) -> Result<(Scanned, usize), Fault> {
    let is_negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(is_negative);
    let mut at = digits_end(bytes, first);
    if at == first || (bytes[first] == b'0' && at > first + 1) {
        return fault("a number is misspelt", start);
    }
    let mut is_whole = true;
    if bytes.get(at) == Some(&b'.') {
        let end = digits_end(bytes, at + 1);
        if end == at + 1 {
            return fault("a number is misspelt", start);
        }
        (at, is_whole) = (end, false);
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits_end(bytes, at + 1 + sign);
        if end == at + 1 + sign {
            return fault("a number is misspelt", start);
        }
        (at, is_whole) = (end, false);
    }
    let int = if is_whole { whole(&bytes[first..at], is_negative) } else { None };
    Ok((int.map_or(Scanned::Number, Scanned::Int), at))
}

/// Up to 19 digits as a signed integer, if it fits.
fn whole(digits: &[u8], is_negative: bool) -> Option<i64> {
    if digits.len() > 19 {
        return None;
    }
    let magnitude = digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    if is_negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The end of an object or array, checked without recursion: one bit per level tells objects from arrays.
pub fn nested_end(bytes: &[u8], start: usize) -> Result<usize, Fault> {
    const { assert!(DEPTH_MAX <= 64, "one bit per level") };
    let (mut at, mut depth, mut objects) = (start, 0, 0u64);
    loop {
        // A value starts here.
        match bytes.get(at) {
            Some(open @ (b'{' | b'[')) => {
                if depth == DEPTH_MAX {
                    return fault("it is nested more than 64 levels deep", at);
                }
                depth += 1;
                objects = objects << 1 | u64::from(*open == b'{');
                at = skip_blank(bytes, at + 1);
                let close = if *open == b'{' { b'}' } else { b']' };
                if bytes.get(at) != Some(&close) {
                    if *open == b'{' {
                        at = after_key(bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = skip_blank(bytes, value(bytes, at)?.1),
        }
        // A value ended; commas and closing brackets follow.
        loop {
            let is_object = objects & 1 == 1;
            match bytes.get(at) {
                Some(b',') => {
                    at = skip_blank(bytes, at + 1);
                    if is_object {
                        at = after_key(bytes, at)?;
                    }
                    break;
                }
                Some(b'}') if is_object => at += 1,
                Some(b']') if !is_object => at += 1,
                Some(_) => return fault("a comma or a closing bracket is expected", at),
                None => return fault("it ends within an object or array", start),
            }
            depth -= 1;
            objects >>= 1;
            if depth == 0 {
                return Ok(at);
            }
            at = skip_blank(bytes, at);
        }
    }
}

fn after_key(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    if bytes.get(at) != Some(&b'"') {
        return fault("a key in quotes is expected", at);
    }
    let (end, _) = text_end(bytes, at + 1)?;
    after_colon(bytes, end + 1)
}

/// The start of the value behind a key that ended before `at`.
#[inline]
pub fn after_colon(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let at = skip_blank(bytes, at);
    if bytes.get(at) == Some(&b':') { Ok(skip_blank(bytes, at + 1)) } else { fault("a colon is expected", at) }
}

/// Whether text is one JSON value.
pub fn is_json(text: &str) -> bool {
    let bytes = text.as_bytes();
    value(bytes, skip_blank(bytes, 0)).is_ok_and(|(_, end)| skip_blank(bytes, end) == bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_every_integer_that_fits() {
        let int = |text: &str| value(text.as_bytes(), 0).unwrap().0;
        assert_eq!(int("9223372036854775807"), Scanned::Int(i64::MAX));
        assert_eq!(int("-9223372036854775808"), Scanned::Int(i64::MIN));
        assert_eq!(int("9223372036854775808"), Scanned::Number);
        assert_eq!(int("-9223372036854775809"), Scanned::Number);
        assert_eq!(int("99999999999999999999"), Scanned::Number);
        assert_eq!(int("1.0"), Scanned::Number);
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        assert!(is_json(&format!("{}{}", "[".repeat(64), "]".repeat(64))));
        assert!(!is_json(&format!("{}{}", "[".repeat(65), "]".repeat(65))));
        assert!(!is_json(&"[".repeat(100_000)));
        assert!(!is_json(&"{\"a\":".repeat(100_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_another_parser(text in r#"[\[\]{}",:a1\-.e0 tu\\]{0,24}"#) {
            prop_assert_eq!(is_json(&text), serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn finds_the_end_of_plain_text(text in "[a-zé\"\\\\\u{1}]{0,40}", at in 0usize..8) {
            let bytes = text.as_bytes();
            let slow = (at..bytes.len()).find(|n| bytes[*n] < 0x20 || bytes[*n] == b'"' || bytes[*n] == b'\\');
            prop_assert_eq!(plain_end(bytes, at), slow.unwrap_or(bytes.len().max(at)));
        }
    }
}
