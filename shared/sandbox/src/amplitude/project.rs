//! What one Amplitude project has: events, properties, profiles, tables, files that were read, deletions that were asked
//! for. Pure: what is applied in the same order gives the same project.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::deletion::DeletionJob;
use super::identify::{Identification, Owner};
use super::limits::DEDUPE_MS;
use super::mutation_file::{self, Mutation, Operation};

/// One event that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// When it arrived, milliseconds since the epoch.
    pub received_ms: i64,
    /// Its fields.
    pub event: Map<String, Value>,
}

impl StoredEvent {
    fn text(&self, name: &str) -> &str {
        self.event.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What a mutation finds it by.
    pub fn identity(&self) -> Identity {
        identity(&self.event)
    }
}

/// User, insert_id and time.
pub type Identity = (String, String, i64);

fn identity(event: &Map<String, Value>) -> Identity {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("user_id"), text("insert_id"), event.get("time").and_then(Value::as_i64).unwrap_or(0))
}

/// What became of the mutation files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCounts {
    /// Files that were read, each once.
    pub files: u64,
    /// Rows.
    pub inserts: u64,
    /// Rows.
    pub updates: u64,
    /// Rows.
    pub deletes: u64,
    /// Updates and deletes of events that are not there.
    pub unmatched: u64,
    /// Rows that do not count.
    pub dropped: u64,
}

/// The project in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events by name: how many, and the latest time.
    pub events: BTreeMap<String, (u64, i64)>,
    /// Events that were known already.
    pub duplicates: u64,
    /// Users with properties.
    pub users: usize,
    /// Groups with properties.
    pub groups: usize,
    /// Profiles.
    pub profiles: usize,
    /// Lookup tables.
    pub tables: usize,
    /// What mutation files came to.
    pub files: FileCounts,
}

impl Summary {
    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    events: BTreeMap<u64, StoredEvent>,
    by_identity: BTreeMap<Identity, BTreeSet<u64>>,
    /// When an insert_id of a device came last.
    known: BTreeMap<(String, String), i64>,
    next: u64,
    /// Properties by user and group.
    pub properties: BTreeMap<Owner, Map<String, Value>>,
    /// Profiles by user.
    pub profiles: BTreeMap<String, Map<String, Value>>,
    /// Lookup tables by name.
    pub tables: BTreeMap<String, String>,
    /// Names of mutation files that were read.
    pub files: BTreeSet<String>,
    /// What they came to.
    pub file_counts: FileCounts,
    /// Events that were known already.
    pub duplicates: u64,
    /// Deletions of users that were asked for.
    pub deletions: Vec<DeletionJob>,
}

impl Project {
    /// Every event, in the order of arrival.
    pub fn events(&self) -> impl Iterator<Item = &StoredEvent> {
        self.events.values()
    }

    /// Everything, in numbers.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            duplicates: self.duplicates,
            users: self.properties.keys().filter(|owner| owner.group_type.is_empty()).count(),
            groups: self.properties.keys().filter(|owner| !owner.group_type.is_empty()).count(),
            profiles: self.profiles.len(),
            tables: self.tables.len(),
            files: self.file_counts,
            ..Summary::default()
        };
        for stored in self.events() {
            let (count, latest_ms) = summary.events.entry(stored.text("event_type").to_owned()).or_default();
            *count += 1;
            *latest_ms = (*latest_ms).max(stored.identity().2);
        }
        summary
    }

    /// Takes valid events of the APIs. One whose insert_id came from its device within a week is dropped without a word;
    /// without a device it is known by its user, of which Amplitude derives the device.
    pub fn take_events(&mut self, events: Vec<Map<String, Value>>, now_ms: i64) -> usize {
        let mut taken = 0;
        for event in events {
            let stored = StoredEvent { received_ms: now_ms, event };
            let insert_id = stored.text("insert_id").to_owned();
            if !insert_id.is_empty() {
                let device = match stored.text("device_id") {
                    "" => format!("user {}", stored.text("user_id")),
                    device => device.to_owned(),
                };
                let before = self.known.insert((device, insert_id), now_ms);
                if before.is_some_and(|at_ms| now_ms - at_ms < DEDUPE_MS) {
                    self.duplicates += 1;
                    continue;
                }
            }
            self.add(stored);
            taken += 1;
        }
        taken
    }

    fn add(&mut self, mut stored: StoredEvent) {
        stored.event.entry("time").or_insert_with(|| stored.received_ms.into());
        self.by_identity.entry(stored.identity()).or_default().insert(self.next);
        self.events.insert(self.next, stored);
        self.next += 1;
    }

    /// Applies identifications in their order.
    pub fn identify(&mut self, all: &[Identification]) {
        for one in all {
            one.apply(self.properties.entry(one.owner.clone()).or_default());
        }
    }

    /// Reads a mutation file, unless one of that name was read before.
    pub fn read_file(&mut self, name: &str, bytes: &[u8], now_ms: i64) -> Result<bool, String> {
        if self.files.contains(name) {
            return Ok(false);
        }
        let (mutations, dropped) = mutation_file::read(bytes)?;
        self.files.insert(name.to_owned());
        self.file_counts.files += 1;
        self.file_counts.dropped += dropped;
        for mutation in mutations {
            self.mutate(mutation, now_ms);
        }
        Ok(true)
    }

    fn mutate(&mut self, mutation: Mutation, now_ms: i64) {
        match mutation.operation {
            Operation::Insert => self.file_counts.inserts += 1,
            Operation::Update => self.file_counts.updates += 1,
            Operation::Delete => self.file_counts.deletes += 1,
        }
        if mutation.is_profile {
            self.mutate_profile(mutation);
            return;
        }
        let identity = identity(&mutation.row);
        if mutation.operation == Operation::Insert {
            // Nothing is known again here: a second insert is a second event.
            self.add(StoredEvent { received_ms: now_ms, event: mutation.row });
            return;
        }
        let Some(found) = self.by_identity.get(&identity).cloned() else {
            self.file_counts.unmatched += 1;
            return;
        };
        for number in found {
            match mutation.operation {
                Operation::Delete => drop(self.events.remove(&number)),
                _ => drop(self.events.insert(number, StoredEvent { received_ms: now_ms, event: mutation.row.clone() })),
            }
        }
        if mutation.operation == Operation::Delete {
            self.by_identity.remove(&identity);
        }
    }

    fn mutate_profile(&mut self, mutation: Mutation) {
        let mut row = mutation.row;
        let Some(Value::String(user)) = row.remove("user_id") else { return };
        if mutation.operation == Operation::Delete {
            if self.profiles.remove(&user).is_none() {
                self.file_counts.unmatched += 1;
            }
            return;
        }
        let profile = self.profiles.entry(user).or_default();
        for (name, value) in row {
            if value.is_null() { drop(profile.remove(&name)) } else { drop(profile.insert(name, value)) }
        }
    }

    /// Removes what is known of users whose deletion is due.
    pub fn delete_due(&mut self, now_ms: i64) {
        let due: BTreeSet<String> =
            self.deletions.iter_mut().filter(|job| job.is_due(now_ms)).flat_map(DeletionJob::finish).collect();
        if due.is_empty() {
            return;
        }
        self.events.retain(|_, stored| !due.contains(stored.text("user_id")));
        self.by_identity.retain(|(user, _, _), _| !due.contains(user));
        self.properties.retain(|owner, _| !owner.group_type.is_empty() || !due.contains(&owner.id));
        self.profiles.retain(|user, _| !due.contains(user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[&str]) -> Vec<u8> {
        lines.join("\n").into_bytes()
    }

    #[test]
    fn files_are_read_once_and_found_by_all_three() {
        let mut project = Project::default();
        let insert = r#"{"mutation_type":"INSERT","user_id":"user-1","insert_id":"a","time":1,"event_type":"e"}"#;
        let other = r#"{"mutation_type":"UPDATE","user_id":"user-1","insert_id":"a","time":2,"event_type":"f"}"#;
        let update = r#"{"mutation_type":"UPDATE","user_id":"user-1","insert_id":"a","time":1,"event_type":"g"}"#;
        assert_eq!(project.read_file("1", &file(&[insert]), 5), Ok(true));
        assert_eq!(project.read_file("1", &file(&[insert]), 5), Ok(false));
        assert_eq!(project.read_file("2", &file(&[other]), 5), Ok(true));
        assert_eq!(project.file_counts.unmatched, 1);
        assert_eq!(project.read_file("3", &file(&[update]), 5), Ok(true));
        assert_eq!(project.events().map(|e| e.text("event_type")).collect::<Vec<_>>(), ["g"]);
        assert_eq!(project.read_file("4", &file(&[&update.replace("UPDATE", "DELETE")]), 5), Ok(true));
        assert_eq!(project.events().count(), 0);
    }

    #[test]
    fn an_insert_id_is_known_for_a_week() {
        let event =
            |user: &str| serde_json::from_value(serde_json::json!({ "user_id": user, "insert_id": "i" })).unwrap();
        let mut project = Project::default();
        assert_eq!(project.take_events(vec![event("user-1"), event("user-2")], 0), 2);
        assert_eq!(project.take_events(vec![event("user-1")], DEDUPE_MS - 1), 0);
        assert_eq!(project.take_events(vec![event("user-1")], 2 * DEDUPE_MS), 1);
    }
}
