//! What every destination's answers have in common.

use driftless_core::ports::{Delivery, Response, TransportError};

/// The answer, or what its absence means.
pub(crate) fn response_of(answer: Result<Response, TransportError>) -> Result<Response, Delivery> {
    answer.map_err(|error| match error {
        TransportError::NotSent(cause) => {
            Delivery::RetryAfter { wait_ms: None, cause: format!("no connection: {cause}") }
        }
        TransportError::Ambiguous(cause) => Delivery::Ambiguous { cause },
        TransportError::Credentials(cause) => Delivery::Halt {
            cause,
            remedy: "correct the destination in driftless.yaml, then run driftless sync".into(),
        },
    })
}

/// Longest reason that is kept.
const REASON_CHARS: usize = 160;

/// A reason without what may be a value of the row: quoted text other than a field's path, and runs of digits, become `…`.
pub(crate) fn safe_words(text: &str) -> String {
    let mut safe = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['\'', '"', '`']) {
        let quote = &rest[start..=start];
        safe.push_str(&rest[..start]);
        let inside = &rest[start + 1..];
        let end = inside.find(quote).unwrap_or(inside.len());
        let quoted = &inside[..end];
        let is_path = quoted.starts_with("properties.") || matches!(quoted, "event" | "properties");
        safe.push_str(if is_path { quoted } else { "…" });
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    safe.push_str(rest);
    let words: Vec<&str> = safe
        .split_whitespace()
        .map(
            |word| {
                if word.chars().filter(char::is_ascii_digit).count() > 4 || word.contains('@') { "…" } else { word }
            },
        )
        .collect();
    words.join(" ").chars().take(REASON_CHARS).collect()
}
