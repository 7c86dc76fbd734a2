use driftless_core::model::ColumnType;

use super::convert::boolean;
use super::time::{date, timestamp};
use super::{is_canonical_integer, is_canonical_number};

/// What all texts of a column seen so far can be read as.
#[derive(Clone, Debug)]
pub(crate) struct TypeGuess {
    fits: [bool; CANDIDATES.len()],
    is_seen: bool,
}

/// Whether a text is of a type.
type IsOne = fn(&str) -> bool;

/// In the order in which they are preferred.
const CANDIDATES: [(ColumnType, IsOne); 5] = [
    (ColumnType::Integer, is_canonical_integer),
    (ColumnType::Number, is_canonical_number),
    (ColumnType::Boolean, |text| boolean(text, false).is_some()),
    (ColumnType::Timestamp, |text| timestamp(text).is_some()),
    (ColumnType::Date, |text| date(text).is_some()),
];

impl Default for TypeGuess {
    fn default() -> Self {
        Self { fits: [true; CANDIDATES.len()], is_seen: false }
    }
}

impl TypeGuess {
    /// Takes a non-null value into account. An empty text says nothing about numbers and times, but a column of nothing else is text.
    pub(crate) fn see(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.is_seen = true;
        for (fits, (_, is_one)) in self.fits.iter_mut().zip(CANDIDATES) {
            *fits = *fits && is_one(text);
        }
    }

    /// The type, once a value was seen.
    pub(crate) fn column_type(&self) -> Option<ColumnType> {
        let fitting = self.fits.iter().zip(CANDIDATES).find(|(fits, _)| **fits);
        self.is_seen.then(|| fitting.map_or(ColumnType::String, |(_, (column_type, _))| column_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(texts: &[&str]) -> Option<ColumnType> {
        let mut guess = TypeGuess::default();
        texts.iter().for_each(|text| guess.see(text));
        guess.column_type()
    }

    #[test]
    fn one_stray_value_makes_a_column_text() {
        assert_eq!(guess(&["1", "2"]), Some(ColumnType::Integer));
        assert_eq!(guess(&["1", "2.5"]), Some(ColumnType::Number));
        assert_eq!(guess(&["true", "FALSE"]), Some(ColumnType::Boolean));
        assert_eq!(guess(&["2025-01-01 00:00:00", "2025-01-01T00:00:00Z"]), Some(ColumnType::Timestamp));
        assert_eq!(guess(&["2025-01-01"]), Some(ColumnType::Date));
        assert_eq!(guess(&["2025-01-01", "2025-01-01 00:00:00"]), Some(ColumnType::String));
        assert_eq!(guess(&["1", "007"]), Some(ColumnType::String));
        assert_eq!(guess(&["1", "x"]), Some(ColumnType::String));
        assert_eq!(guess(&[""]), None);
    }
}
