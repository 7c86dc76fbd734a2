use std::collections::BTreeSet;

use driftless_core::config::{EventName, EventsConfig};
use driftless_core::model::Columns;

use super::limits::{NESTED, value_rules};
use super::reserved::property_name;
use crate::properties::{JsonColumns, Properties};

/// What each column of a column list is for. Worked out once per list.
pub(super) struct ColumnPlan {
    /// Column of the event name, if it is not fixed.
    pub name: Option<usize>,
    pub time: Option<usize>,
    pub user: Option<usize>,
    pub device: Option<usize>,
    pub properties: Properties,
}

impl ColumnPlan {
    pub fn new(events: &EventsConfig, hidden: &[String], columns: &Columns) -> Self {
        let find = |name: &String| columns.names.iter().position(|n| n == name);
        let mut used: BTreeSet<&str> = events.exclude.iter().map(String::as_str).collect();
        used.extend(hidden.iter().map(String::as_str));
        used.insert(&events.time.column);
        used.extend(events.user_id.as_deref());
        used.extend(events.device_id.as_deref());
        used.extend(events.json_properties.iter().map(String::as_str));
        used.extend(events.groups.values().map(String::as_str));
        used.extend(events.properties.values().map(String::as_str));
        if let EventName::Column(column) = &events.name {
            used.insert(column);
        }
        if let Some(key) = events.insert_id.as_ref().filter(|key| key.keeps()) {
            used.extend(key.columns());
        }
        let mut named: Vec<(String, usize)> = columns
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| !used.contains(name.as_str()))
            .filter(|(_, name)| events.only.is_empty() || events.only.contains(name))
            .map(|(n, name)| (property_name(name).into_owned(), n))
            .collect();
        for (property, column) in &events.properties {
            let property = property_name(property).into_owned();
            named.retain(|(name, _)| *name != property);
            named.extend(find(column).map(|n| (property, n)));
        }
        for (group, column) in &events.groups {
            named.retain(|(name, _)| name != group);
            named.extend(find(column).map(|n| (group.clone(), n)));
        }
        let json = JsonColumns { names: &events.json_properties, fields: &events.json_fields };
        Self {
            name: match &events.name {
                EventName::Column(column) => find(column),
                EventName::Value(_) => None,
            },
            time: find(&events.time.column),
            user: events.user_id.as_ref().and_then(find),
            device: events.device_id.as_ref().and_then(find),
            properties: Properties::new(&value_rules(NESTED), named, json, columns),
        }
    }
}
