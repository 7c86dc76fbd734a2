use std::collections::BTreeSet;

use driftless_core::config::{AmplitudeField, EventName, EventsConfig, amplitude_name};
use driftless_core::model::Columns;

use super::limits::value_rules;
use crate::properties::{JsonColumns, Properties};

/// What each column of a column list is for. Worked out once per list.
pub(super) struct ColumnPlan {
    /// Column of the event name, if it is not fixed.
    pub name: Option<usize>,
    pub time: Option<usize>,
    pub user: Option<usize>,
    pub device: Option<usize>,
    /// Amplitude's own fields: `,"platform":`, column, whether it is a number.
    pub fields: Vec<(Vec<u8>, usize, bool)>,
    /// Group types and columns.
    pub groups: Vec<(String, usize)>,
    pub user_properties: Properties,
    pub event_properties: Properties,
}

impl ColumnPlan {
    pub fn new(events: &EventsConfig, hidden: &[String], columns: &Columns) -> Self {
        let find = |name: &String| columns.names.iter().position(|n| n == name);
        let amplitude = events.amplitude.clone().unwrap_or_default();
        let mut used: BTreeSet<&str> = events.exclude.iter().map(String::as_str).collect();
        used.extend(hidden.iter().map(String::as_str));
        used.insert(&events.time.column);
        used.extend(events.user_id.as_deref());
        used.extend(events.device_id.as_deref());
        used.extend(events.json_properties.iter().map(String::as_str));
        used.extend(events.groups.values().map(String::as_str));
        used.extend(events.properties.values().map(String::as_str));
        used.extend(amplitude.fields.values().map(String::as_str));
        used.extend(amplitude.user_properties.iter().map(String::as_str));
        if let EventName::Column(column) = &events.name {
            used.insert(column);
        }
        if let Some(key) = events.insert_id.as_ref().filter(|key| key.keeps()) {
            used.extend(key.columns());
        }
        let is_own =
            |name: &String| !used.contains(name.as_str()) && (events.only.is_empty() || events.only.contains(name));
        let own = columns.names.iter().enumerate().filter(|(_, name)| is_own(name));
        let mut named: Vec<(String, usize)> = own.map(|(n, name)| (name.clone(), n)).collect();
        for (property, column) in &events.properties {
            named.retain(|(name, _)| name != property);
            named.extend(find(column).map(|n| (property.clone(), n)));
        }
        let of_user = amplitude.user_properties.iter().filter_map(|name| Some((name.clone(), find(name)?)));
        let field = |(field, column): (&AmplitudeField, &String)| {
            let prefix = format!(",\"{}\":", amplitude_name(field)).into_bytes();
            Some((prefix, find(column)?, is_number(*field)))
        };
        let json = JsonColumns { names: &events.json_properties, fields: &events.json_fields };
        Self {
            name: match &events.name {
                EventName::Column(column) => find(column),
                EventName::Value(_) => None,
            },
            time: find(&events.time.column),
            user: events.user_id.as_ref().and_then(find),
            device: events.device_id.as_ref().and_then(find),
            fields: amplitude.fields.iter().filter_map(field).collect(),
            groups: events.groups.iter().filter_map(|(group, column)| Some((group.clone(), find(column)?))).collect(),
            user_properties: Properties::new(
                &value_rules(),
                of_user.collect(),
                JsonColumns { names: &[], ..json },
                columns,
            ),
            event_properties: Properties::new(&value_rules(), named, json, columns),
        }
    }
}

fn is_number(field: AmplitudeField) -> bool {
    use AmplitudeField::{EventId, LocationLat, LocationLng, Price, Quantity, Revenue, SessionId};
    matches!(field, Price | Quantity | Revenue | LocationLat | LocationLng | EventId | SessionId)
}
