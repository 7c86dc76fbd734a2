use std::borrow::Cow;

use driftless_core::mapping::truncate_utf8;

use crate::json::NestedLimits;

/// A destination's rules for names and values of properties.
#[derive(Clone, Copy)]
pub(crate) struct ValueRules {
    /// How long a text may be; a longer one is cut there, so it is cut here, always at the same place.
    pub text: TextMax,
    /// Lists and objects.
    pub nested: NestedLimits,
    /// The property that a column or a field becomes.
    pub property_name: fn(&str) -> Cow<'_, str>,
}

/// How long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextMax {
    /// UTF-8 bytes.
    Bytes(usize),
    /// Unicode characters.
    Characters(usize),
}

impl ValueRules {
    /// The text as the destination keeps it.
    pub fn cut<'a>(&self, text: &'a str) -> &'a str {
        match self.text {
            TextMax::Bytes(max) => truncate_utf8(text, max),
            TextMax::Characters(max) if text.len() <= max => text,
            TextMax::Characters(max) => text.char_indices().nth(max).map_or(text, |(end, _)| &text[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_the_destinations_own_measure() {
        let rules = |text| ValueRules {
            text,
            nested: NestedLimits { depth: 1, items: 1, bytes: 1 },
            property_name: |name| Cow::Borrowed(name),
        };
        assert_eq!(rules(TextMax::Bytes(4)).cut("ééé"), "éé");
        assert_eq!(rules(TextMax::Characters(2)).cut("ééé"), "éé");
        assert_eq!(rules(TextMax::Characters(3)).cut("ééé"), "ééé");
    }
}
