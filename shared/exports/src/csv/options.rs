use driftless_core::config::CsvOptions;

use crate::refusal::Refusal;

/// What the sync says about its CSV, as bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) delimiter: Option<u8>,
    /// Outer: whether it was said; inner: whether there is a quote.
    pub(super) quote: Option<Option<u8>>,
    pub(super) escape: Option<u8>,
}

impl Said {
    pub(super) fn of(options: &CsvOptions) -> Result<Self, Refusal> {
        let quote = match options.quote.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => {
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(one), None) => Some(Some(ascii(one, "quote")?)),
                    _ => return Err(refusal("quote")),
                }
            }
        };
        Ok(Self {
            delimiter: options.delimiter.map(|c| ascii(c, "delimiter")).transpose()?,
            quote,
            escape: options.escape.map(|c| ascii(c, "escape")).transpose()?,
        })
    }
}

fn ascii(character: char, option: &str) -> Result<u8, Refusal> {
    u8::try_from(character).ok().filter(u8::is_ascii).ok_or_else(|| refusal(option))
}

fn refusal(option: &str) -> Refusal {
    Refusal::new(format!("source.csv.{option} is not one ASCII character"), format!("change source.csv.{option}"))
}
