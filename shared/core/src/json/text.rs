/// Checks the escapes of a JSON text: known letters, four hexadecimal digits, no half of a surrogate pair.
pub fn escapes_are_whole(raw: &[u8]) -> Result<(), &'static str> {
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &raw[at..]) {
        at += next;
        match raw.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
            Some(b'u') => at = unicode_end(raw, at)?.1,
            _ => return Err("a text holds an unknown escape"),
        }
    }
    Ok(())
}

/// The character of the `\u` escape at `at`, and the byte after it.
fn unicode_end(raw: &[u8], at: usize) -> Result<(char, usize), &'static str> {
    const HALF: &str = "a text holds half of a surrogate pair, which no encoding can hold";
    let first = hex4(raw, at)?;
    let code = match first {
        0xd800..=0xdbff => {
            if raw.get(at + 6) != Some(&b'\\') || raw.get(at + 7) != Some(&b'u') {
                return Err(HALF);
            }
            let second = hex4(raw, at + 6)?;
            if !(0xdc00..=0xdfff).contains(&second) {
                return Err(HALF);
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        }
        _ => first,
    };
    let end = if code >= 0x10000 { at + 12 } else { at + 6 };
    char::from_u32(code).map(|c| (c, end)).ok_or(HALF)
}

fn hex4(raw: &[u8], at: usize) -> Result<u32, &'static str> {
    let digits = raw.get(at + 2..at + 6).ok_or("a text holds an unknown escape")?;
    digits.iter().try_fold(0, |code, digit| {
        char::from(*digit).to_digit(16).map(|value| code << 4 | value).ok_or("a text holds an unknown escape")
    })
}

/// The text that a raw JSON text with checked escapes means.
pub fn unescaped(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut text = String::with_capacity(raw.len());
    let mut start = 0;
    while let Some(next) = memchr::memchr(b'\\', &bytes[start..]) {
        let at = start + next;
        text.push_str(raw.get(start..at).unwrap_or_default());
        start = at + 2;
        match bytes.get(at + 1) {
            Some(b'b') => text.push('\u{8}'),
            Some(b'f') => text.push('\u{c}'),
            Some(b'n') => text.push('\n'),
            Some(b'r') => text.push('\r'),
            Some(b't') => text.push('\t'),
            Some(b'u') => {
                if let Ok((character, end)) = unicode_end(bytes, at) {
                    text.push(character);
                    start = end;
                }
            }
            Some(other) => text.push(char::from(*other)),
            None => break,
        }
    }
    text.push_str(raw.get(start..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_escape() {
        let raw = r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#;
        assert_eq!(escapes_are_whole(raw.as_bytes()), Ok(()));
        assert_eq!(unescaped(raw), "a\"\\/\u{8}\u{c}\n\r\té😀z");
    }

    #[test]
    fn refuses_halves_and_unknown_escapes() {
        for raw in [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\n", r"\ud83d\u0041", r"\x41", r"\u12", r"\u12g4", r"\"] {
            assert!(escapes_are_whole(raw.as_bytes()).is_err(), "{raw}");
        }
    }
}
