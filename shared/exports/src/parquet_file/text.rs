use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes as text: themselves if they are UTF-8, otherwise base64 (RFC 4648, with padding), as BigQuery and Spark write them.
pub(crate) fn bytes_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(STANDARD.encode(bytes)),
    }
}

/// A time of day, `HH:MM:SS`, with a fraction of 3, 6 or 9 digits if there is one.
pub(crate) fn time_text(nanos: i64) -> String {
    let (seconds, fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    // Writing to a string cannot fail.
    let _ = match fraction {
        0 => Ok(()),
        f if f % 1_000_000 == 0 => write!(text, ".{:03}", f / 1_000_000),
        f if f % 1_000 == 0 => write!(text, ".{:06}", f / 1_000),
        f => write!(text, ".{f:09}"),
    };
    text
}

/// A UUID of 16 bytes in its usual spelling (RFC 9562).
pub(crate) fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The 64-bit float with the shortest digits of a 32-bit one: 0.1 stays 0.1 and does not become 0.10000000149011612.
pub(crate) fn shortest_float(number: f32) -> f64 {
    if number.fract() == 0.0 || !number.is_finite() {
        return f64::from(number);
    }
    number.to_string().parse().unwrap_or(f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times_ids_and_bytes() {
        assert_eq!(time_text(0), "00:00:00");
        assert_eq!(time_text(86_399_500_000_000), "23:59:59.500");
        assert_eq!(time_text(1), "00:00:00.000000001");
        assert_eq!(uuid_text(&[0x12; 16]), "12121212-1212-1212-1212-121212121212");
        assert_eq!(bytes_text(b"abc"), "abc");
        assert_eq!(bytes_text(&[0xff, 0x00]), "/wA=");
        assert_eq!(shortest_float(0.1), 0.1);
        assert_eq!(shortest_float(16_777_216.0), 16_777_216.0);
    }
}
