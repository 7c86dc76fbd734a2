use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use driftless_core::ports::{Item, PortError, Put, Table};

use super::locked::locked;

/// Partition and sort key.
type Place = (String, String);

/// Items and sets in maps.
#[derive(Clone, Debug, Default)]
pub struct MemoryTable {
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    items: BTreeMap<Place, Item>,
    sets: BTreeMap<Place, BTreeSet<u32>>,
}

impl MemoryTable {
    /// No items.
    pub fn new() -> Self {
        Self::default()
    }

    /// All items by partition and sort key.
    pub fn items(&self) -> BTreeMap<(String, String), Item> {
        locked(&self.inside).items.clone()
    }

    /// All sets by partition and sort key.
    pub fn sets(&self) -> BTreeMap<(String, String), BTreeSet<u32>> {
        locked(&self.inside).sets.clone()
    }
}

#[async_trait]
impl Table for MemoryTable {
    async fn get(&self, partition: &str, sort: &str) -> Result<Option<Item>, PortError> {
        let inside = locked(&self.inside);
        Ok(inside.items.get(&place(partition, sort)).cloned())
    }

    async fn put(
        &self,
        partition: &str,
        sort: &str,
        expected: Option<u64>,
        token: &str,
        body: &[u8],
    ) -> Result<Put, PortError> {
        let mut inside = locked(&self.inside);
        let place = place(partition, sort);
        let current = inside.items.get(&place);
        if current.map(|item| item.revision) != expected {
            return Ok(Put::Conflict(current.cloned()));
        }
        Ok(Put::Done(inside.write(place, token, body)))
    }

    async fn put_fact(&self, partition: &str, sort: &str, body: &[u8]) -> Result<(), PortError> {
        let mut inside = locked(&self.inside);
        inside.write(place(partition, sort), "", body);
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<(String, Item)>, PortError> {
        let inside = locked(&self.inside);
        let items = inside
            .items
            .range((Bound::Excluded(place(partition, after)), Bound::Unbounded))
            .take_while(|((of, _), _)| of == partition)
            .map(|((_, sort), item)| (sort.clone(), item.clone()));
        Ok(items.take(limit).collect())
    }

    async fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let mut inside = locked(&self.inside);
        let place = place(partition, sort);
        inside.items.remove(&place);
        inside.sets.remove(&place);
        Ok(())
    }

    async fn add_member(&self, partition: &str, sort: &str, member: u32) -> Result<u32, PortError> {
        let mut inside = locked(&self.inside);
        let set = inside.sets.entry(place(partition, sort)).or_default();
        set.insert(member);
        Ok(u32::try_from(set.len()).unwrap_or(u32::MAX))
    }
}

impl Inside {
    fn write(&mut self, place: Place, token: &str, body: &[u8]) -> u64 {
        let revision = self.items.get(&place).map_or(0, |item| item.revision) + 1;
        let item = Item { revision, token: token.to_string(), body: body.to_vec() };
        self.items.insert(place, item);
        revision
    }
}

fn place(partition: &str, sort: &str) -> Place {
    (partition.to_string(), sort.to_string())
}
