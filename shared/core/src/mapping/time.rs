use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::config::TimeUnit;
use crate::model::Value;

/// How times without a zone are read.
#[derive(Clone, Debug)]
pub struct TimeZoneRule {
    zone: Option<TimeZone>,
    unit: Option<TimeUnit>,
}

impl TimeZoneRule {
    /// UTC, units by magnitude.
    pub fn utc() -> Self {
        Self { zone: None, unit: None }
    }

    /// An IANA time zone. A wall-clock time that a clock change repeats means the earlier moment; one that it skips is
    /// moved forward by the gap.
    pub fn named(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(Self { zone: Some(zone), unit: None }),
            Err(_) => Err(format!("`{name}` is no IANA time zone; write for example Europe/Berlin")),
        }
    }

    /// Fixes the unit of numeric times.
    pub fn with_unit(mut self, unit: Option<TimeUnit>) -> Self {
        self.unit = unit;
        self
    }

    fn moment(&self, wall: DateTime) -> Option<i128> {
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        zone.to_timestamp(wall).ok().map(Timestamp::as_nanosecond)
    }
}

/// A time value in milliseconds since the epoch; `None` if it cannot be read as a time.
pub fn time_ms_of(value: &Value<'_>, rule: &TimeZoneRule) -> Option<i64> {
    let nanos = match value {
        Value::Timestamp { nanos, utc: true } => *nanos,
        Value::Timestamp { nanos, utc: false } => match &rule.zone {
            None => *nanos,
            Some(_) => rule.moment(wall_of(*nanos)?)?,
        },
        Value::Date(days) => {
            let nanos = i128::from(*days) * 86_400_000_000_000;
            rule.moment(wall_of(nanos)?)?
        }
        Value::Int(n) => epoch(i128::from(*n), rule.unit)?,
        Value::UInt(n) => epoch(i128::from(*n), rule.unit)?,
        Value::Float(n) => epoch_float(*n, rule.unit)?,
        Value::Number(text) | Value::Text(text) => parse_text(text.trim(), rule)?,
        Value::Null | Value::Bool(_) | Value::Json(_) => return None,
    };
    i64::try_from(nanos.div_euclid(1_000_000)).ok()
}

/// Whether a time says neither its zone nor a moment: then the sync's time zone decides.
pub fn needs_zone(value: &Value<'_>) -> bool {
    match value {
        Value::Timestamp { utc, .. } => !utc,
        Value::Date(_) => true,
        Value::Text(text) => {
            let text = text.trim();
            // Ten digits and more are a number since 1970.
            let is_number = text.len() > 9 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let offset = text.get(10..).is_some_and(|time| time.contains(['+', '-']));
            !is_number && !offset && !text.ends_with(['Z', 'z']) && !text.ends_with("UTC")
        }
        _ => false,
    }
}

/// A date, or a time with or without a zone (then UTC), in milliseconds since the epoch: for configuration.
pub fn parse_moment(text: &str) -> Option<i64> {
    time_ms_of(&Value::Text(text.into()), &TimeZoneRule::utc())
}

/// `2025-03-01T12:34:56`, with a fraction of 3, 6 or 9 digits if there is one: how Mixpanel reads a time property
/// (docs.mixpanel.com/docs/data-structure/property-reference/data-type, 2026-08-21).
pub fn timestamp_text(nanos: i128) -> String {
    match Timestamp::from_nanosecond(nanos) {
        Ok(moment) => {
            let fraction = nanos.rem_euclid(1_000_000_000);
            let precision = match fraction {
                0 => 0,
                f if f % 1_000_000 == 0 => 3,
                f if f % 1_000 == 0 => 6,
                _ => 9,
            };
            let text = format!("{moment:.precision$}");
            text.trim_end_matches('Z').to_string()
        }
        // Beyond the years that a calendar time can name: the number itself.
        Err(_) => nanos.to_string(),
    }
}

fn wall_of(nanos: i128) -> Option<DateTime> {
    let moment = Timestamp::from_nanosecond(nanos).ok()?;
    Some(TimeZone::UTC.to_datetime(moment))
}

fn parse_text(text: &str, rule: &TimeZoneRule) -> Option<i128> {
    let bytes = text.as_bytes();
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        if digits.len() == 8 && rule.unit.is_none() && (text.starts_with("19") || text.starts_with("20")) {
            let wall: DateTime = format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8]).parse().ok()?;
            return rule.moment(wall);
        }
        return epoch(text.parse().ok()?, rule.unit);
    }
    if text.len() < 10 || bytes[4] != b'-' {
        return text.parse::<f64>().ok().and_then(|n| epoch_float(n, rule.unit));
    }
    let text = without_zone_word(text);
    match offset_start(text.as_bytes()) {
        Some(_) => text.parse::<Timestamp>().ok().map(Timestamp::as_nanosecond),
        None => rule.moment(text.parse::<DateTime>().ok()?),
    }
}

/// BigQuery writes ` UTC` (github.com/bxparks/bigquery-schema-generator issue 19), Snowflake a space before the offset
/// (session default `YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM`).
fn without_zone_word(text: &str) -> Cow<'_, str> {
    if let Some(head) = text.strip_suffix(" UTC") {
        return Cow::Owned(format!("{head}Z"));
    }
    match text.rfind(' ') {
        Some(space) if space > 10 => Cow::Owned(format!("{}{}", &text[..space], &text[space + 1..])),
        _ => Cow::Borrowed(text),
    }
}

/// Where the offset of a time starts, if it has one: after the date, a `Z`, `+` or `-`.
fn offset_start(text: &[u8]) -> Option<usize> {
    text.iter().enumerate().skip(10).find(|(_, b)| matches!(b, b'Z' | b'z' | b'+' | b'-')).map(|(n, _)| n)
}

fn epoch(number: i128, unit: Option<TimeUnit>) -> Option<i128> {
    let scale = match unit {
        Some(TimeUnit::Seconds) => 1_000_000_000,
        Some(TimeUnit::Milliseconds) => 1_000_000,
        Some(TimeUnit::Microseconds) => 1_000,
        Some(TimeUnit::Nanoseconds) => 1,
        None => match number.unsigned_abs() {
            n if n < 100_000_000_000 => 1_000_000_000,
            n if n < 100_000_000_000_000 => 1_000_000,
            n if n < 100_000_000_000_000_000 => 1_000,
            _ => 1,
        },
    };
    number.checked_mul(scale)
}

fn epoch_float(number: f64, unit: Option<TimeUnit>) -> Option<i128> {
    if !number.is_finite() || number.abs() > 1e19 {
        return None;
    }
    let whole = number.trunc();
    let scale = epoch(1.max(whole.abs() as i128), unit)? / 1.max(whole.abs() as i128);
    Some(whole as i128 * scale + (number.fract() * scale as f64).round() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone_are_told_from_those_without() {
        let needs = |text: &str| needs_zone(&Value::Text(text.to_string().into()));
        for zoned in [
            "2025-01-01T00:00:00Z",
            "2025-01-01 00:00:00 UTC",
            "2025-01-01T00:00:00+01",
            "2025-01-01 00:00:00.5 -0700",
            "1735689600",
            "1735689600.5",
        ] {
            assert!(!needs(zoned), "{zoned}");
        }
        for bare in ["2025-01-01", "2025-01-01 00:00:00", "2025-01-01T00:00:00.123", "20250101"] {
            assert!(needs(bare), "{bare}");
        }
    }

    fn ms(text: &str) -> Option<i64> {
        time_ms_of(&Value::Text(text.into()), &TimeZoneRule::utc())
    }

    #[test]
    fn reads_every_spelling_of_one_moment() {
        for text in [
            "2025-03-01T12:34:56.789Z",
            "2025-03-01 12:34:56.789",
            "2025-03-01 12:34:56.789000 UTC",
            "2025-03-01 04:34:56.789 -0800",
            "2025-03-01T13:34:56.789+01:00",
            "2025-03-01 12:34:56.789+00",
            "1740832496789",
            "1740832496789000",
            "1740832496789000000",
            "1740832496.789",
        ] {
            assert_eq!(ms(text), Some(1_740_832_496_789), "{text}");
        }
        assert_eq!(ms("1740832496"), Some(1_740_832_496_000));
        assert_eq!(ms("20250301"), ms("2025-03-01"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "yesterday", "0000-00-00 00:00:00", "infinity", "2025-13-01", "NaN", "12/31/2024"] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_naive_time_is_read_in_the_named_zone() {
        let rule = TimeZoneRule::named("America/New_York").unwrap();
        let at = |text: &str| time_ms_of(&Value::Text(text.into()), &rule);
        assert_eq!(at("2025-07-01 00:00:00"), ms("2025-07-01T04:00:00Z"));
        // Repeated hour: the earlier moment. Skipped hour: moved forward.
        assert_eq!(at("2025-11-02 01:30:00"), ms("2025-11-02T05:30:00Z"));
        assert_eq!(at("2025-03-09 02:30:00"), ms("2025-03-09T07:30:00Z"));
        assert!(TimeZoneRule::named("Mars/Olympus").is_err());
    }

    #[test]
    fn writes_only_the_digits_there_are() {
        assert_eq!(timestamp_text(0), "1970-01-01T00:00:00");
        assert_eq!(timestamp_text(1_500_000_000), "1970-01-01T00:00:01.500");
        assert_eq!(timestamp_text(1_000_000_001), "1970-01-01T00:00:01.000000001");
    }
}
