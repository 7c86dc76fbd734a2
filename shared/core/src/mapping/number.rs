/// How a number is written for a destination that reads numbers as 64-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberText<'a> {
    /// As a JSON number: no digit is lost.
    Number(&'a str),
    /// As text, because a float would change its digits.
    Text(&'a str),
}

/// Digits that every 64-bit float keeps (IEEE 754 binary64: 15).
const EXACT_DIGITS: usize = 15;

/// The rule for numbers, one for all formats: up to 15 significant digits, or an integer up to 2^53, as a JSON number;
/// anything longer as text. `text` is a valid JSON number.
pub fn number_text(text: &str) -> NumberText<'_> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() <= EXACT_DIGITS && !unsigned.contains(['e', 'E']) {
        return NumberText::Number(text);
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let fits = unsigned.len() <= 16 && unsigned.parse::<u64>().is_ok_and(|n| n <= 1 << 53);
        return if fits { NumberText::Number(text) } else { NumberText::Text(text) };
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    let trailing = digits[leading..].iter().rev().take_while(|d| **d == b'0').count();
    let significant = digits.len() - leading - trailing;
    let small_exponent = exponent.is_none_or(|e| e.parse::<i32>().is_ok_and(|e| e.abs() < 300));
    if significant <= EXACT_DIGITS && small_exponent {
        NumberText::Number(text)
    } else {
        // A float of 16 or 17 digits that reads back to the same digits loses nothing either.
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() && float.to_string() == text => NumberText::Number(text),
            _ => NumberText::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_survive_as_number_or_as_text() {
        for exact in ["0", "-12.50", "9007199254740992", "0.1", "123456789012345", "1e10", "0.30000000000000004"] {
            assert_eq!(number_text(exact), NumberText::Number(exact), "{exact}");
        }
        for long in
            ["9007199254740993", "12345678901234567890", "0.1000000000000000055", "1e400", "-123456789.123456789"]
        {
            assert_eq!(number_text(long), NumberText::Text(long), "{long}");
        }
    }
}
