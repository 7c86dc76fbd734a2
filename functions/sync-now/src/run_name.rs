use driftless_core::model::RunId;

use crate::refusal::Refusal;

/// A run as the API names it: `SYNC:NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunName {
    pub sync: String,
    pub run: RunId,
}

impl RunName {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let parts = text.split_once(':').filter(|(_, number)| number.bytes().all(|digit| digit.is_ascii_digit()));
        parts
            .and_then(|(sync, number)| Some(Self { sync: sync.to_string(), run: RunId(number.parse().ok()?) }))
            .ok_or_else(|| {
                Refusal::new(400, "bad_run", "This is no name of a run", "Write SYNC:NUMBER, as purchases:12")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sync_and_number() {
        assert_eq!(RunName::parse("a-b:12").unwrap(), RunName { sync: "a-b".to_string(), run: RunId(12) });
        for wrong in ["", "a", "a:", "a:+1", "a:1:2", "a:x", "a:99999999999999999999999"] {
            assert_eq!(RunName::parse(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
