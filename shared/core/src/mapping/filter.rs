use std::collections::BTreeSet;
use std::sync::Arc;

use super::canonical_text;
use crate::config::{Filter, SyncConfig};
use crate::model::{Columns, Row};

/// Where a column of the filter is: one with values, or one that must be filled.
type Place = (Option<usize>, Option<usize>);

/// Tells which rows a sync sends. Works out per column list where its columns are.
pub struct RowFilter {
    filter: Option<Filter>,
    events: BTreeSet<String>,
    exclude_events: BTreeSet<String>,
    resolved: Option<(Arc<Columns>, Vec<Place>)>,
}

impl RowFilter {
    /// For a sync.
    pub fn new(sync: &SyncConfig) -> Self {
        let filter = &sync.filter;
        Self {
            events: filter.events.iter().cloned().collect(),
            exclude_events: filter.exclude_events.iter().cloned().collect(),
            filter: (!filter.is_open()).then(|| filter.clone()),
            resolved: None,
        }
    }

    /// Whether the row's columns hold what they must.
    pub fn takes_row(&mut self, row: Row<'_>) -> bool {
        let Some(filter) = &self.filter else { return true };
        if filter.columns.is_empty() && filter.filled.is_empty() {
            return true;
        }
        let find = |name: &String| row.columns.names.iter().position(|n| n == name);
        let is_known = self.resolved.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, row.columns));
        if !is_known {
            let columns = filter.columns.keys().map(|name| (find(name), None));
            let filled = filter.filled.iter().map(|name| (None, find(name)));
            self.resolved = Some((row.columns.clone(), columns.chain(filled).collect()));
        }
        let Some((_, places)) = &self.resolved else { return true };
        let text = |place: Option<usize>| place.and_then(|n| canonical_text(&row.values[n]));
        let (columns, filled) = places.split_at(filter.columns.len());
        let holds = filter
            .columns
            .values()
            .zip(columns)
            .all(|(values, (place, _))| text(*place).is_some_and(|text| values.iter().any(|value| *value == text)));
        holds && filled.iter().all(|(_, place)| text(*place).is_some_and(|text| !text.trim().is_empty()))
    }

    /// Whether an event of a user, or a profile, is sent.
    pub fn takes_identity(&self, event: &str, user: &str) -> bool {
        let Some(filter) = &self.filter else { return true };
        (self.events.is_empty() || self.events.contains(event))
            && !self.exclude_events.contains(event)
            && filter
                .users_percent
                .is_none_or(|percent| xxhash_rust::xxh3::xxh3_64(user.as_bytes()) % 100 < u64::from(percent))
    }
}
