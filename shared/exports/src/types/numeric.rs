use std::borrow::Cow;

use driftless_core::model::Value;

/// Digits of a whole number that is taken for a number: those that 64 bits always hold. Longer ones are ids.
const INTEGER_DIGITS_MAX: usize = 18;

fn unsigned(text: &str) -> &str {
    text.strip_prefix('-').unwrap_or(text)
}

fn is_canonical_whole(digits: &str) -> bool {
    !digits.is_empty()
        && digits.len() <= INTEGER_DIGITS_MAX
        && (digits == "0" || !digits.starts_with('0'))
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A whole number as a database prints it: no leading zeros, no plus sign. Anything else may be a code.
pub(crate) fn is_canonical_integer(text: &str) -> bool {
    is_canonical_whole(unsigned(text)) && text != "-0"
}

/// A decimal number as a database prints it, without an exponent.
pub(crate) fn is_canonical_number(text: &str) -> bool {
    match unsigned(text).split_once('.') {
        None => is_canonical_integer(text),
        Some((whole, fraction)) => {
            is_canonical_whole(whole) && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
        }
    }
}

/// A whole number; beyond 64 bits by its digits.
pub(super) fn integer(text: &str, is_declared: bool) -> Option<Value<'_>> {
    let is_negative = text.starts_with('-');
    let mut digits = unsigned(text);
    if is_declared {
        digits = if is_negative { digits } else { digits.strip_prefix('+').unwrap_or(digits) };
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && digits.starts_with('0') {
        if !is_declared {
            return None;
        }
        let stripped = digits.trim_start_matches('0');
        digits = if stripped.is_empty() { "0" } else { stripped };
    }
    let magnitude = digits.parse::<u64>().ok();
    let number = magnitude.and_then(|n| if is_negative { 0i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() });
    Some(match number {
        Some(number) => Value::Int(number),
        None if is_negative => Value::Number(Cow::Owned(format!("-{digits}"))),
        None => Value::Number(Cow::Borrowed(digits)),
    })
}

/// A decimal number by its digits, as JSON writes it. Not-a-number and infinities are null.
pub(super) fn number(text: &str, is_declared: bool) -> Option<Value<'_>> {
    if is_json_number(text) {
        return Some(Value::Number(Cow::Borrowed(text)));
    }
    let special = text.trim_start_matches(['+', '-']);
    if ["nan", "inf", "infinity"].iter().any(|word| word.eq_ignore_ascii_case(special)) {
        return Some(Value::Null);
    }
    if !is_declared {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let stripped = whole.trim_start_matches('0');
    let whole = if stripped.is_empty() { "0" } else { stripped };
    let point = if fraction.is_empty() { "" } else { "." };
    let number = format!("{sign}{whole}{point}{fraction}{exponent}");
    is_json_number(&number).then_some(Value::Number(Cow::Owned(number)))
}

/// RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && driftless_core::json::is_json(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_no_numbers() {
        for text in ["0", "-12", "123456789012345678"] {
            assert!(is_canonical_integer(text), "{text}");
        }
        for text in ["", "-", "-0", "+1", "007", "1234567890123456789", "1.0", "1e5", " 1", "0x1", "١"] {
            assert!(!is_canonical_integer(text), "{text}");
        }
        for text in ["0.5", "-12.50", "7", "1.12345678901234567890"] {
            assert!(is_canonical_number(text), "{text}");
        }
        for text in [".5", "5.", "1.2.3", "1e5", "00.5", "NaN", "-", "1,5"] {
            assert!(!is_canonical_number(text), "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let declared = |text: &'static str| match number(text, true) {
            Some(Value::Number(text)) => Some(text.into_owned()),
            _ => None,
        };
        assert_eq!(declared("+5.0656000000000000e+05").as_deref(), Some("5.0656000000000000e+05"));
        assert_eq!(declared(".5").as_deref(), Some("0.5"));
        assert_eq!(declared("5.").as_deref(), Some("5"));
        assert_eq!(declared("-.5E3").as_deref(), Some("-0.5E3"));
        assert_eq!(declared("00012.340").as_deref(), Some("12.340"));
        assert_eq!(declared("12345678901234567890.123456789").as_deref(), Some("12345678901234567890.123456789"));
        for text in ["", ".", "+", "e5", "1e", "1,5", "0x10", "--1", "1 2"] {
            assert_eq!(declared(text), None, "{text}");
        }
        for text in ["NaN", "inf", "-Infinity", "+INF"] {
            assert_eq!(number(text, false), Some(Value::Null), "{text}");
        }
        assert_eq!(integer("18446744073709551616", false), Some(Value::Number("18446744073709551616".into())));
        assert_eq!(integer("-00", true), Some(Value::Int(0)));
    }
}
