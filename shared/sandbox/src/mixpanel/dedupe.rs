//! Query-time deduplication: among events with the same identity, the latest ingested copy is the one that queries see.
//!
//! Source: `docs.mixpanel.com/reference/event-deduplication` and the ingestion OpenAPI file, read on 2026-08-21. Mixpanel
//! also compacts equal (event, distinct_id, `$insert_id`) of one day some hours later, or never; that is not imitated.

use std::collections::BTreeMap;

use super::validate::ValidEvent;

/// What makes two events the same one: (event, distinct_id, time in milliseconds, `$insert_id`).
pub type IdentityKey = (String, String, i64, String);

/// The identity of an event.
pub fn identity(event: &ValidEvent) -> IdentityKey {
    (event.event.clone(), event.distinct_id.clone(), event.time_ms, event.insert_id.clone())
}

/// One ingested copy.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// Its place in the order of ingestion.
    pub seq: u64,
    /// The event as it was ingested.
    pub event: ValidEvent,
}

/// Everything a project ingested, in memory.
#[derive(Debug, Clone, Default)]
pub struct Copies {
    by_identity: BTreeMap<IdentityKey, Vec<Copy>>,
    len: usize,
}

impl Copies {
    /// Keeps a copy. `seq` grows with ingestion; two copies must not share one.
    pub fn push(&mut self, event: ValidEvent, seq: u64) {
        let copies = self.by_identity.entry(identity(&event)).or_default();
        copies.push(Copy { seq, event });
        self.len += 1;
    }

    /// The latest ingested copy of each identity, tombstones included, in the order of identities.
    pub fn visible(&self) -> impl Iterator<Item = &Copy> {
        self.by_identity.values().filter_map(|copies| copies.iter().max_by_key(|copy| copy.seq))
    }

    /// Every copy, in the order of identities.
    pub fn all(&self) -> impl Iterator<Item = &Copy> {
        self.by_identity.values().flatten()
    }

    /// The copies of one identity.
    pub fn of(&self, identity: &IdentityKey) -> &[Copy] {
        self.by_identity.get(identity).map_or(&[], Vec::as_slice)
    }

    /// How many copies there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there no copy at all?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many identities there are: the number of [`Copies::visible`].
    pub fn identities(&self) -> usize {
        self.by_identity.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(insert_id: &str, time_ms: i64, n: u64) -> ValidEvent {
        ValidEvent {
            event: "e".into(),
            distinct_id: "u".into(),
            time_ms,
            insert_id: insert_id.into(),
            properties: [("n".to_owned(), json!(n))].into_iter().collect(),
        }
    }

    #[test]
    fn the_latest_copy_wins_whatever_the_order_of_pushing() {
        let mut copies = Copies::default();
        copies.push(event("a", 1, 1), 1);
        copies.push(event("a", 1, 3), 3);
        copies.push(event("a", 1, 2), 2);
        copies.push(event("a", 2, 4), 4);
        copies.push(event("b", 1, 5), 5);
        let seen: Vec<_> = copies.visible().map(|copy| copy.event.properties["n"].clone()).collect();
        assert_eq!(seen, [json!(3), json!(5), json!(4)]);
        assert_eq!((copies.len(), copies.identities(), copies.all().count()), (5, 3, 5));
        assert_eq!(copies.of(&identity(&event("a", 1, 0))).len(), 3);
        assert!(copies.of(&identity(&event("c", 1, 0))).is_empty());
    }
}
