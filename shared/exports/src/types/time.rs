const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Days since 1970-01-01 of a day in the proleptic Gregorian calendar; `None` if there is no such day.
fn days_of(year: i64, month: u32, day: u32) -> Option<i32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > longest || year == 0 {
        return None;
    }
    // Howard Hinnant, days_from_civil: years start in March, eras have 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// Reads fixed-width digits off the front.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
    }

    fn eat(&mut self, expected: &[u8]) -> bool {
        match self.0.split_first() {
            Some((byte, rest)) if expected.contains(byte) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn date(&mut self) -> Option<i32> {
        let year = self.digits(4)?;
        let month = self.eat(b"-").then(|| self.digits(2))??;
        let day = self.eat(b"-").then(|| self.digits(2))??;
        days_of(i64::from(year), month, day)
    }

    /// Nanoseconds of the fraction after a point: 1 to 9 digits count, further ones are cut off.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        let nanos = self.digits(count.min(9))? * 10u32.pow(9 - count.min(9) as u32);
        self.0 = &self.0[count.saturating_sub(9)..];
        (count > 0).then_some(nanos)
    }

    /// Seconds east of UTC: `Z`, ` UTC`, `+01`, `+0100`, `+01:00`, each also behind a space. `None`: no zone.
    fn offset(&mut self) -> Option<Option<i32>> {
        self.eat(b" ");
        match self.0 {
            [] => return Some(None),
            b"Z" | b"z" | b"UTC" => {
                self.0 = &[];
                return Some(Some(0));
            }
            _ => {}
        }
        let sign = if self.eat(b"-") { -1 } else { self.eat(b"+").then_some(1)? };
        let hours = self.digits(2)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.eat(b":");
            self.digits(2)?
        };
        (hours <= 23 && minutes <= 59).then_some(Some(sign * (hours * 3600 + minutes * 60) as i32))
    }
}

/// A calendar day, `2025-03-01`, in days since 1970-01-01.
pub(super) fn date(text: &str) -> Option<i32> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.date()?;
    cursor.0.is_empty().then_some(days)
}

/// A full date-time in nanoseconds since 1970-01-01T00:00:00, and whether it named its zone. The same spellings as
/// `driftless_core::mapping` reads in text, kept to the nanosecond.
pub(super) fn timestamp(text: &str) -> Option<(i128, bool)> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.date()?;
    let hour = cursor.eat(b"T t").then(|| cursor.digits(2))??;
    let minute = cursor.eat(b":").then(|| cursor.digits(2))??;
    let second = if cursor.eat(b":") { cursor.digits(2)? } else { 0 };
    let fraction = if cursor.eat(b".,") { cursor.fraction()? } else { 0 };
    let offset = cursor.offset()?;
    // A leap second is read as the second before it.
    let second = if second == 60 { 59 } else { second };
    if !cursor.0.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds =
        i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second) - i64::from(offset.unwrap_or(0));
    Some((i128::from(seconds) * NANOS_PER_SECOND + i128::from(fraction), offset.is_some()))
}

#[cfg(test)]
mod tests {
    use driftless_core::mapping::parse_moment;

    use super::*;

    #[test]
    fn reads_what_the_core_reads() {
        for text in [
            "2025-03-01T12:34:56.789Z",
            "2025-03-01 12:34:56.789",
            "2025-03-01 12:34:56.789000 UTC",
            "2025-03-01 04:34:56.789 -0800",
            "2025-03-01T13:34:56.789+01:00",
            "2025-03-01 12:34:56.789+00",
            "1969-12-31 23:59:59",
            "2024-02-29 00:00:00",
            "0001-01-01 00:00:00",
            "1600-12-31 12:00:00",
        ] {
            let ms = timestamp(text).map(|(nanos, _)| nanos.div_euclid(1_000_000) as i64);
            assert_eq!(ms, parse_moment(text), "{text}");
            assert!(ms.is_some(), "{text}");
        }
        for text in ["1970-01-01", "2024-02-29", "1899-12-31", "9999-12-29"] {
            assert_eq!(date(text).map(|days| i64::from(days) * 86_400_000), parse_moment(text), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2025-02-29 00:00:00",
            "2025-13-01 00:00:00",
            "2025-01-01",
            "2025-01-01T",
            "2025-01-01 24:00:00",
            "0000-00-00 00:00:00",
            "2025-01-01 00:00:00 America/New_York",
            "2025-01-01 00:00:00.",
            "2025-01-01 00:00:00+25",
            "20250101",
            "2025-01-01 00:00:00Zx",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        assert_eq!(date("2025-1-1"), None);
    }

    #[test]
    fn keeps_nanoseconds_and_knows_zones() {
        assert_eq!(timestamp("1970-01-01 00:00:00.000000001"), Some((1, false)));
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z"), Some((1_500_000_000, true)));
        assert_eq!(timestamp("1970-01-01T00:00:00.1234567899"), Some((123_456_789, false)));
    }
}
