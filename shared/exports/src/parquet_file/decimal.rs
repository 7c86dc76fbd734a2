/// A decimal by its exact digits, as a JSON number. `unscaled` is a whole number in decimal digits.
pub(crate) fn decimal_text(unscaled: &str, scale: i32) -> String {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", unscaled),
    };
    if digits == "0" && scale <= 0 {
        return "0".to_string();
    }
    match usize::try_from(scale) {
        Ok(0) => unscaled.to_string(),
        Ok(scale) if digits.len() > scale => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
        Ok(scale) => format!("{sign}0.{digits:0>scale$}"),
        Err(_) => format!("{unscaled}{}", "0".repeat(scale.unsigned_abs() as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        assert_eq!(decimal_text("12345", 2), "123.45");
        assert_eq!(decimal_text("-5", 2), "-0.05");
        assert_eq!(decimal_text("0", 2), "0.00");
        assert_eq!(decimal_text("12", 0), "12");
        assert_eq!(decimal_text("12", -3), "12000");
        assert_eq!(decimal_text("0", -3), "0");
        assert_eq!(decimal_text("99999999999999999999999999999999999999", 38), format!("0.{}", "9".repeat(38)));
    }
}
