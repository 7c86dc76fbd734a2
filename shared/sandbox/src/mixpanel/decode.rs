//! From the bytes of a request to its events, within the documented limits.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::limits::{MAX_BODY_BYTES, MAX_EVENTS};

/// Why a request as a whole is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than [`MAX_BODY_BYTES`] after decompression.
    #[error("request exceeds max limit of {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// More than [`MAX_EVENTS`].
    #[error("request exceeds max limit of {MAX_EVENTS} events")]
    TooMany,
    /// Not what the headers say.
    #[error("{0}")]
    Unreadable(String),
}

fn unreadable(text: impl Into<String>) -> Refusal {
    Refusal::Unreadable(text.into())
}

/// Decompresses and parses a request body.
pub fn events(content_type: Option<&str>, content_encoding: Option<&str>, body: &[u8]) -> Result<Vec<Value>, Refusal> {
    let text = plain(content_encoding, body)?;
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or("application/json")
        .trim()
        .to_ascii_lowercase();
    let events = match media_type.as_str() {
        "application/json" => array(&text)?,
        "application/x-ndjson" => lines(&text)?,
        _ => {
            return Err(unreadable("Content-Type must be application/json or application/x-ndjson"));
        }
    };
    if events.is_empty() {
        return Err(unreadable("request body must contain at least one event"));
    }
    Ok(events)
}

fn plain<'a>(content_encoding: Option<&str>, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Refusal> {
    let encoding = content_encoding.unwrap_or_default().trim();
    let text = if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        Cow::Borrowed(body)
    } else if encoding.eq_ignore_ascii_case("gzip") {
        let mut text = Vec::new();
        MultiGzDecoder::new(body)
            .take(MAX_BODY_BYTES as u64 + 1)
            .read_to_end(&mut text)
            .map_err(|_| unreadable("request body is not valid gzip"))?;
        Cow::Owned(text)
    } else {
        return Err(unreadable("Content-Encoding must be gzip or absent"));
    };
    if text.len() > MAX_BODY_BYTES {
        return Err(Refusal::TooLarge);
    }
    Ok(text)
}

fn array(text: &[u8]) -> Result<Vec<Value>, Refusal> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let events =
        parser.deserialize_seq(FirstEvents).and_then(|events| parser.end().map(|()| events)).map_err(|error| {
            unreadable(format!("request body is not a JSON array (line {}, column {})", error.line(), error.column()))
        })?;
    within_limit(events)
}

fn lines(text: &[u8]) -> Result<Vec<Value>, Refusal> {
    let mut events = Vec::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if events.len() == MAX_EVENTS {
            return Err(Refusal::TooMany);
        }
        let event =
            serde_json::from_slice(line).map_err(|_| unreadable(format!("line {} is not valid JSON", number + 1)))?;
        events.push(event);
    }
    Ok(events)
}

fn within_limit(events: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    if events.len() > MAX_EVENTS {
        return Err(Refusal::TooMany);
    }
    Ok(events)
}

/// Keeps one event more than the limit and skips the rest, so that memory stays bounded by the limit.
struct FirstEvents;

impl<'de> Visitor<'de> for FirstEvents {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Value>, A::Error> {
        let mut events = Vec::new();
        while events.len() <= MAX_EVENTS {
            match sequence.next_element()? {
                Some(event) => events.push(event),
                None => return Ok(events),
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(events)
    }
}
