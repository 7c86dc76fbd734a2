//! What joins ids in a project with Original ID merge.
//!
//! Source: `docs.mixpanel.com/reference/identity-merge` and `docs.mixpanel.com/docs/tracking-methods/id-management`, read on
//! 2026-08-21. `$identify` and `$create_alias` come from Mixpanel's own libraries; the sandbox does not take them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::limits::is_banned_id;
use super::validate::Invalid;

const IDENTITY_EVENTS: [&str; 3] = ["$merge", "$identify", "$create_alias"];

/// Two ids that are one from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge(pub String, pub String);

/// Whether an event is one that joins ids.
pub fn joins_ids(event: &Value) -> bool {
    event.get("event").and_then(Value::as_str).is_some_and(|name| IDENTITY_EVENTS.contains(&name))
}

/// Checks an event that joins ids: exactly two of them.
pub fn validate_merge(event: &Value) -> Result<Merge, Invalid> {
    if event["event"] != "$merge" {
        return Err(Invalid::new("event", "the sandbox joins ids by $merge only"));
    }
    let ids: Option<Vec<&str>> =
        event["properties"]["$distinct_ids"].as_array().and_then(|ids| ids.iter().map(Value::as_str).collect());
    match ids.as_deref() {
        Some([a, b]) if [a, b].iter().all(|id| !id.is_empty() && !is_banned_id(id)) => {
            Ok(Merge((*a).to_owned(), (*b).to_owned()))
        }
        _ => Err(Invalid::new("properties.$distinct_ids", "must be two ids")),
    }
}

/// Which ids are one, and by which of them they are known. At Mixpanel that may be any; here it is the first by name.
#[derive(Debug, Clone, Default)]
pub struct Clusters {
    above: BTreeMap<String, String>,
}

impl Clusters {
    /// Of merges in any order.
    pub fn of(merges: &[Merge]) -> Self {
        let mut clusters = Self::default();
        for Merge(a, b) in merges {
            let (a, b) = (clusters.canonical(a).to_owned(), clusters.canonical(b).to_owned());
            if a != b {
                let (least, other) = if a < b { (a, b) } else { (b, a) };
                clusters.above.insert(other, least);
            }
        }
        clusters
    }

    /// The id that an id is known by.
    pub fn canonical<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(above) = self.above.get(id) {
            id = above;
        }
        id
    }

    /// Every cluster, by the id that it is known by.
    pub fn all(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for id in self.above.keys() {
            let canonical = self.canonical(id);
            all.entry(canonical).or_insert_with(|| vec![canonical]).push(id);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_joined_through_others() {
        let merge = |a: &str, b: &str| Merge(a.into(), b.into());
        let clusters =
            Clusters::of(&[merge("d", "u"), merge("e", "v"), merge("u", "v"), merge("x", "y"), merge("d", "v")]);
        assert!(["d", "e", "u", "v"].iter().all(|id| clusters.canonical(id) == "d"));
        assert_eq!(clusters.canonical("y"), "x");
        assert_eq!(clusters.canonical("z"), "z");
        assert_eq!(clusters.all(), BTreeMap::from([("d", vec!["d", "e", "u", "v"]), ("x", vec!["x", "y"])]));
    }

    #[test]
    fn a_merge_has_two_ids() {
        let merge = |ids: Value| validate_merge(&json!({ "event": "$merge", "properties": { "$distinct_ids": ids } }));
        assert_eq!(merge(json!(["a1", "b"])), Ok(Merge("a1".into(), "b".into())));
        for wrong in
            [json!(["a1"]), json!(["a1", "b", "c"]), json!(["a1", 2]), json!(["a1", "null"]), json!("a1"), Value::Null]
        {
            assert_eq!(merge(wrong).unwrap_err().field, "properties.$distinct_ids");
        }
        assert!(
            validate_merge(&json!({ "event": "$identify" })).is_err() && joins_ids(&json!({ "event": "$identify" }))
        );
    }
}
