use std::borrow::Cow;

use driftless_core::config::AMPLITUDE_MIN_ID_LENGTH;
use driftless_core::mapping::canonical_text;
use driftless_core::model::{Row, RowError, RowErrorCode};

use super::limits::{TEXT_CHARACTERS, is_banned};

/// Reads ids by Amplitude's rules, which would drop a bad one from the event without a word.
#[derive(Clone, Copy)]
pub(super) struct IdRules {
    /// Characters at least.
    pub min: usize,
    /// What to do about a short one.
    pub remedy: &'static str,
}

impl IdRules {
    /// Of the APIs, which can be told to take shorter ids.
    pub fn of_api(min_id_length: Option<u32>) -> Self {
        Self {
            min: min_id_length.unwrap_or(AMPLITUDE_MIN_ID_LENGTH) as usize,
            remedy: "set destinations.NAME.min_id_length, or export a longer id, for instance with a prefix",
        }
    }

    /// Of everything that knows only Amplitude's own minimum.
    pub fn fixed() -> Self {
        Self {
            min: AMPLITUDE_MIN_ID_LENGTH as usize,
            remedy: "export a longer id, for instance with a prefix: here Amplitude cannot be told to take shorter ones",
        }
    }

    /// The id in a column; `None` if there is none.
    pub fn read<'a>(
        &self,
        index: Option<usize>,
        row: Row<'a>,
        column: Option<&str>,
    ) -> Result<Option<Cow<'a, str>>, RowError> {
        let Some(id) = index.and_then(|n| canonical_text(&row.values[n])) else { return Ok(None) };
        if id.trim().is_empty() {
            return Ok(None);
        }
        let (cause, remedy) = if is_banned(&id) {
            ("holds a placeholder that Amplitude refuses as an id".to_string(), "export null where there is no user")
        } else if id.chars().count() < self.min {
            (format!("holds an id of fewer than {} characters, which Amplitude drops", self.min), self.remedy)
        } else if id.chars().count() > TEXT_CHARACTERS {
            let cause = format!("holds an id of more than {TEXT_CHARACTERS} characters, which Amplitude would cut");
            (cause, "export a shorter id")
        } else {
            return Ok(Some(id));
        };
        let column = column.unwrap_or_default();
        Err(RowError::of_column(RowErrorCode::IdRefused, column, format!("column {column} {cause}"), remedy))
    }
}
