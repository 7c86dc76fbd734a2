use std::collections::BTreeMap;

use super::survey::Survey;

/// Examples in one note.
const EXAMPLES: usize = 3;
/// Event names above which Amplitude (2,000) and Mixpanel (5,000) no longer list or query them.
const EVENT_NAMES: usize = 2_000;

/// A way of writing names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Style {
    Snake,
    Camel,
    Title,
    Other,
}

fn style_of(name: &str) -> Style {
    let is_lower = name.chars().all(|c| !c.is_uppercase());
    let has_blank = name.contains(' ');
    match (is_lower, has_blank, name.contains('_')) {
        (true, false, _) => Style::Snake,
        (false, false, false) => Style::Camel,
        (false, true, false) if name.split(' ').all(|word| !word.starts_with(char::is_lowercase)) => Style::Title,
        _ => Style::Other,
    }
}

/// What is odd about the names, each a sentence.
pub(super) fn oddities(survey: &Survey) -> Vec<String> {
    let mut found = Vec::new();
    let events: Vec<&str> = survey.events.iter().map(|event| event.name.as_str()).collect();
    let fields: Vec<&str> = survey.properties.iter().map(|p| p.name.rsplit('.').next().unwrap_or_default()).collect();
    for (what, names) in [("event names", &events), ("properties", &fields)] {
        let mut styles: BTreeMap<Style, Vec<&str>> = BTreeMap::new();
        names.iter().filter(|name| !name.starts_with(['$', '[', '('])).for_each(|name| {
            styles.entry(style_of(name)).or_default().push(name);
        });
        if styles.len() > 1 {
            let examples: Vec<&str> = styles.values().filter_map(|names| names.first().copied()).collect();
            found.push(format!("{what} are written in {} ways: {}", styles.len(), examples.join(", ")));
        }
        let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in names.iter() {
            let folded = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            let group = alike.entry(folded).or_default();
            if !group.contains(name) {
                group.push(name);
            }
        }
        let doubles: Vec<String> =
            alike.values().filter(|group| group.len() > 1).map(|group| group.join(" / ")).take(EXAMPLES).collect();
        if !doubles.is_empty() {
            found.push(format!("{what} that differ only in their spelling: {}", doubles.join("; ")));
        }
        let with_values: Vec<&str> = names.iter().copied().filter(|name| holds_value(name)).collect();
        if with_values.len() >= EXAMPLES {
            let examples = with_values[..EXAMPLES].join(", ");
            let count = with_values.len();
            found.push(format!("{count} {what} seem to hold a value, which belongs into a property: {examples}"));
        }
    }
    if events.len() > EVENT_NAMES {
        found.push(format!(
            "{} event names, more than Amplitude (2,000) can query and Mixpanel (5,000) lists",
            events.len()
        ));
    }
    let mixed: Vec<&str> =
        survey.properties.iter().filter(|p| p.types.len() > 1).map(|p| p.name.as_str()).take(EXAMPLES).collect();
    if !mixed.is_empty() {
        found.push(format!("properties with values of several types: {}", mixed.join(", ")));
    }
    found
}

/// An id, a date or a number within a name: `Viewed 48213`.
fn holds_value(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_hexdigit()).any(|part| part.len() >= 4 && part.bytes().any(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_and_values_are_told() {
        assert_eq!(style_of("order_placed"), Style::Snake);
        assert_eq!(style_of("orderPlaced"), Style::Camel);
        assert_eq!(style_of("Order Placed"), Style::Title);
        assert_eq!(style_of("Order placed"), Style::Other);
        assert!(holds_value("Viewed 48213") && holds_value("a-3f2b9c") && !holds_value("Step 2 of 3"));
    }
}
