use std::borrow::Cow;
use std::sync::Arc;

use driftless_core::config::{MutationColumn, MutationFilesConfig, amplitude_name};
use driftless_core::mapping::canonical_text;
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, Value};
use driftless_core::ports::{Mutation, RowEncoder};

use super::columns::ColumnPlan;
use super::ids::IdRules;
use super::limits::{EVENT_BYTES, PROPERTIES, RESERVED_EVENTS, TEXT_CHARACTERS, is_banned, value_rules};
use crate::event_parts::{EventMapping, user_hash};
use crate::json::{write_json, write_number, write_string};
use crate::properties::{Properties, PropertyWriter};

/// The names of an event's parts, ready to be written: `"user_id":`.
pub(super) struct Names {
    pub event_type: String,
    pub time: String,
    pub user_id: String,
    pub device_id: String,
    pub insert_id: String,
    pub groups: String,
    pub user_properties: String,
    pub event_properties: String,
    /// In mutation files only.
    pub mutation_type: Option<String>,
}

impl Names {
    /// Of the APIs.
    pub fn of_api() -> Self {
        Self::new(&|column| amplitude_name(column), false)
    }

    /// Of mutation files, whose columns may be named otherwise.
    pub fn of_files(config: &MutationFilesConfig) -> Self {
        let name = |column| config.columns.get(&column).cloned().unwrap_or_else(|| amplitude_name(column));
        Self::new(&name, true)
    }

    fn new(name: &dyn Fn(MutationColumn) -> String, is_file: bool) -> Self {
        let ready = |column| format!("{}:", serde_json::Value::from(name(column)));
        Self {
            event_type: ready(MutationColumn::EventType),
            time: ready(MutationColumn::Time),
            user_id: ready(MutationColumn::UserId),
            device_id: ready(MutationColumn::DeviceId),
            insert_id: ready(MutationColumn::InsertId),
            groups: ready(MutationColumn::Groups),
            user_properties: ready(MutationColumn::UserProperties),
            event_properties: ready(MutationColumn::EventProperties),
            mutation_type: is_file.then(|| ready(MutationColumn::MutationType)),
        }
    }

    /// Ends a line.
    pub fn close(&self, insert_id: &str, mutation_type: &str, out: &mut Vec<u8>) {
        push_part(&self.insert_id, insert_id, out);
        if let Some(name) = &self.mutation_type {
            push_part(name, mutation_type, out);
        }
        out.extend_from_slice(b"}\n");
    }

    /// Writes what names an event: its name, time and user.
    pub fn open(&self, event: &str, time_ms: i64, out: &mut Vec<u8>) {
        out.push(b'{');
        out.extend_from_slice(self.event_type.as_bytes());
        write_string(event, out);
        out.push(b',');
        out.extend_from_slice(self.time.as_bytes());
        out.extend_from_slice(itoa::Buffer::new().format(time_ms).as_bytes());
    }

    pub fn mutation_type(mutation: Mutation<'_>) -> &'static str {
        match mutation {
            Mutation::Insert => "INSERT",
            Mutation::Update { .. } => "UPDATE",
        }
    }
}

/// Appends `,"name":"value"`.
pub(super) fn push_part(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b',');
    out.extend_from_slice(name.as_bytes());
    write_string(value, out);
}

/// Writes rows as events.
pub(super) struct EventEncoder {
    mapping: Arc<EventMapping>,
    hidden: Vec<String>,
    names: Arc<Names>,
    ids: IdRules,
    skips_sync: bool,
    plan: Option<(Arc<Columns>, Arc<ColumnPlan>)>,
    event: String,
    /// The user, else the device.
    distinct_id: String,
    has_user: bool,
    properties: PropertyWriter,
}

impl EventEncoder {
    pub fn new(mapping: Arc<EventMapping>, hidden: Vec<String>, names: Arc<Names>, ids: IdRules) -> Self {
        let properties =
            PropertyWriter { rules: value_rules(), exclude: "events.exclude", observed: Observed::default() };
        let skips_sync = names.mutation_type.is_none()
            && mapping.events.amplitude.as_ref().is_some_and(|amplitude| amplitude.skip_user_properties_sync);
        Self {
            mapping,
            hidden,
            names,
            ids,
            skips_sync,
            plan: None,
            event: String::new(),
            distinct_id: String::new(),
            has_user: false,
            properties,
        }
    }

    fn plan(&mut self, columns: &Arc<Columns>) -> Arc<ColumnPlan> {
        if let Some((known, plan)) = &self.plan
            && Arc::ptr_eq(known, columns)
        {
            return plan.clone();
        }
        let plan = Arc::new(ColumnPlan::new(&self.mapping.events, &self.hidden, columns));
        self.plan = Some((columns.clone(), plan.clone()));
        plan
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let plan = self.plan(row.columns);
        let start = out.len();
        self.event.clear();
        self.event.push_str(self.properties.rules.cut(&self.mapping.name(plan.name, row)?));
        if RESERVED_EVENTS.contains(&self.event.as_str()) {
            return Err(reserved_name());
        }
        let time_ms = self.mapping.time_ms(plan.time, row, &mut self.properties.observed)?;
        self.names.open(&self.event, time_ms, out);
        self.write_ids(&plan, row, out)?;
        for (prefix, column, is_number) in &plan.fields {
            self.write_field(prefix, &row.columns.names[*column], &row.values[*column], *is_number, out)?;
        }
        self.write_groups(&plan, row, out)?;
        let names = self.names.clone();
        let of_user = self.write_object(&names.user_properties, &plan.user_properties, row, out)?;
        let of_event = self.write_object(&names.event_properties, &plan.event_properties, row, out)?;
        if of_user.max(of_event) > PROPERTIES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                format!(
                    "the row has {} properties, more than the {PROPERTIES} that Amplitude's own libraries send",
                    of_user.max(of_event)
                ),
                "leave columns out with events.exclude",
            ));
        }
        if self.skips_sync {
            out.extend_from_slice(b",\"$skip_user_properties_sync\":true");
        }
        if out.len() - start > EVENT_BYTES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                "the event would be larger than 1 MB",
                "leave large columns out with events.exclude",
            ));
        }
        Ok(time_ms)
    }

    fn write_ids(&mut self, plan: &ColumnPlan, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let events = &self.mapping.events;
        let user = self.ids.read(plan.user, row, events.user_id.as_deref())?;
        let device = self.ids.read(plan.device, row, events.device_id.as_deref())?;
        let is_file = self.names.mutation_type.is_some();
        let owner: Option<&Cow<'_, str>> = if is_file { user.as_ref() } else { user.as_ref().or(device.as_ref()) };
        let Some(owner) = owner else {
            let column = events.user_id.as_deref().or(events.device_id.as_deref()).unwrap_or_default();
            let cause = if is_file {
                "the row has no user id, without which Amplitude mirrors no event"
            } else {
                "the row has neither a user id nor a device id"
            };
            let remedy = "fill it in the export, or leave such rows out of it";
            return Err(RowError::of_column(RowErrorCode::UserMissing, column, cause, remedy));
        };
        self.distinct_id.clear();
        self.has_user = user.is_some();
        self.distinct_id.push_str(owner);
        for (name, id) in [(&self.names.user_id, &user), (&self.names.device_id, &device)] {
            if let Some(id) = id {
                push_part(name, id, out);
            }
        }
        Ok(())
    }

    fn write_field(
        &mut self,
        prefix: &[u8],
        column: &str,
        value: &Value<'_>,
        is_number: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let Some(text) = canonical_text(value).filter(|text| !text.is_empty()) else { return Ok(()) };
        out.extend_from_slice(prefix);
        if !is_number {
            write_string(self.properties.rules.cut(&text), out);
        } else if text.parse::<f64>().is_ok_and(f64::is_finite) {
            write_number(&text, out);
        } else {
            return Err(RowError::of_column(
                RowErrorCode::TypeMismatch,
                column,
                format!("column {column} holds no number, which its field at Amplitude has to be"),
                "correct the export, or take the column out of events.amplitude.fields",
            ));
        }
        Ok(())
    }

    fn write_groups(&mut self, plan: &ColumnPlan, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let mut separator = b'{';
        for (group, column) in &plan.groups {
            let value = &row.values[*column];
            let Some(text) = canonical_text(value).filter(|text| !text.is_empty()) else { continue };
            if separator == b'{' {
                out.push(b',');
                out.extend_from_slice(self.names.groups.as_bytes());
            }
            out.push(separator);
            separator = b',';
            write_string(group, out);
            out.push(b':');
            match value {
                Value::Json(list) if list.trim_start().starts_with('[') => {
                    let name = &row.columns.names[*column];
                    write_json(list, self.properties.rules.nested, out).map_err(|_| {
                        RowError::of_column(
                            RowErrorCode::TypeMismatch,
                            name,
                            format!("column {name} holds no valid JSON"),
                            "correct the export, or take the column out of events.groups",
                        )
                    })?;
                }
                _ => write_string(self.properties.rules.cut(&text), out),
            }
        }
        if separator == b',' {
            out.push(b'}');
        }
        Ok(())
    }

    fn write_object(
        &mut self,
        name: &str,
        plan: &Properties,
        row: Row<'_>,
        out: &mut Vec<u8>,
    ) -> Result<usize, RowError> {
        let start = out.len();
        out.push(b',');
        out.extend_from_slice(name.as_bytes());
        out.push(b'{');
        let first = out.len();
        let count = self.properties.write(plan, row, out)?;
        if count == 0 {
            out.truncate(start);
            return Ok(0);
        }
        // Properties are written with a comma before each.
        out.remove(first);
        out.push(b'}');
        Ok(count)
    }
}

fn reserved_name() -> RowError {
    RowError::of_row(
        RowErrorCode::EventNameReserved,
        "the event has a name that Amplitude keeps for itself",
        "rename the event in the export, or leave such rows out of it",
    )
}

impl RowEncoder for EventEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        let time_ms = match self.write_row(row, out) {
            Ok(time_ms) => time_ms,
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        };
        // What is throttled counts by the moment of sending: all of a run is one day.
        self.properties.observed.event(&self.event, user_hash(&self.distinct_id), 0);
        Ok(time_ms)
    }

    fn identity_parts(&self) -> (&str, &str) {
        (&self.event, &self.distinct_id)
    }

    fn names_user(&self) -> bool {
        self.has_user
    }

    fn check_insert_id(&self, id: &str) -> Result<(), &'static str> {
        if id.chars().count() > TEXT_CHARACTERS {
            Err("is longer than the 1,024 characters of a text at Amplitude")
        } else if is_banned(id) {
            Err("is a placeholder, so that different events would be taken for one")
        } else {
            Ok(())
        }
    }

    fn close(&self, insert_id: &str, mutation: Mutation<'_>, out: &mut Vec<u8>) {
        self.names.close(insert_id, Names::mutation_type(mutation), out);
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.properties.observed)
    }
}
