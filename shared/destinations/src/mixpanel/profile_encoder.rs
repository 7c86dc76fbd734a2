use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::config::ProfilesConfig;
use driftless_core::mapping::technical_columns;
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode, SchemaLock};
use driftless_core::ports::RowEncoder;

use super::event_encoder::id_of;
use super::json::write_string;
use super::limits::{PROFILE_BYTES, PROFILE_NESTED_BYTES, PROFILE_PROPERTIES};
use super::properties::{Properties, PropertyWriter};

/// Whose profile a line is: `"$distinct_id":"jane"`, or `"$group_key":"company","$group_id":"acme"`. `$ip` 0 keeps the
/// profile from being located where the sender runs, `$ignore_time` from being last seen when it was sent
/// (docs.mixpanel.com/reference/profile-set, 2026-08-21).
pub(super) fn write_owner(config: &ProfilesConfig, id: &str, out: &mut Vec<u8>) {
    match &config.group_key {
        None => {
            out.extend_from_slice(b"\"$distinct_id\":");
            write_string(id, out);
            out.extend_from_slice(b",\"$ip\":\"0\",\"$ignore_time\":true");
        }
        Some(group_key) => {
            out.extend_from_slice(b"\"$group_key\":");
            write_string(group_key, out);
            out.extend_from_slice(b",\"$group_id\":");
            write_string(id, out);
        }
    }
}

/// Writes rows as `$set` updates, and what they do not have any more as `$unset`.
pub(super) struct ProfileEncoder {
    config: Arc<ProfilesConfig>,
    hidden: Vec<String>,
    /// Columns of all exports so far.
    known: Vec<String>,
    plan: Option<(Arc<Columns>, Arc<ProfilePlan>)>,
    id: String,
    /// `["a","b"]`, or nothing.
    cleared: Vec<u8>,
    properties: PropertyWriter,
}

struct ProfilePlan {
    id: Option<usize>,
    properties: Properties,
    /// Properties whose columns this export does not have.
    gone: Vec<String>,
}

impl ProfilePlan {
    fn new(config: &ProfilesConfig, hidden: &[String], known: &[String], columns: &Columns) -> Self {
        let mut used: BTreeSet<&str> = config.exclude.iter().map(String::as_str).collect();
        used.extend(hidden.iter().map(String::as_str));
        used.extend(config.json_properties.iter().map(String::as_str));
        used.extend(config.properties.values().map(String::as_str));
        used.insert(&config.id);
        let find = |name: &str| columns.names.iter().position(|n| n == name);
        let renamed = config.properties.iter().map(|(property, column)| (property.as_str(), column.as_str()));
        let all: BTreeSet<&str> = columns.names.iter().chain(known).map(String::as_str).collect();
        let own = all.into_iter().filter(|name| !used.contains(name)).map(|name| (name, name));
        let (mut named, mut gone) = (Vec::new(), Vec::new());
        for (property, column) in renamed.chain(own) {
            match find(column) {
                Some(n) => named.push((property.to_string(), n)),
                None => gone.push(property.to_string()),
            }
        }
        Self { id: find(&config.id), properties: Properties::new(named, &config.json_properties, columns), gone }
    }
}

impl ProfileEncoder {
    pub fn new(config: Arc<ProfilesConfig>, lock: &SchemaLock) -> Self {
        let writer = PropertyWriter {
            nested_bytes: PROFILE_NESTED_BYTES,
            exclude: "profiles.exclude",
            observed: Observed::default(),
        };
        Self {
            config,
            hidden: technical_columns(lock),
            known: lock.columns.iter().cloned().collect(),
            plan: None,
            id: String::new(),
            cleared: Vec::new(),
            properties: writer,
        }
    }

    fn plan(&mut self, columns: &Arc<Columns>) -> Arc<ProfilePlan> {
        if let Some((known, plan)) = &self.plan
            && Arc::ptr_eq(known, columns)
        {
            return plan.clone();
        }
        let plan = Arc::new(ProfilePlan::new(&self.config, &self.hidden, &self.known, columns));
        self.plan = Some((columns.clone(), plan.clone()));
        plan
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let plan = self.plan(row.columns);
        let id = id_of(plan.id, row, Some(&self.config.id))?.ok_or_else(|| {
            let column = &self.config.id;
            RowError::of_column(
                RowErrorCode::UserMissing,
                column,
                format!("id column {column} is empty or missing"),
                "fill it in the export, or name another column in profiles.id",
            )
        })?;
        self.id.clear();
        self.id.push_str(&id);
        let start = out.len();
        out.push(b'{');
        write_owner(&self.config, &id, out);
        out.extend_from_slice(b",\"$set\":{");
        let first = out.len();
        let count = self.properties.write(&plan.properties, row, out)?;
        if count > 0 {
            // Properties are written with a comma before each.
            out.remove(first);
        }
        if count > PROFILE_PROPERTIES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                format!("the row has {count} properties, more than the {PROFILE_PROPERTIES} of a profile"),
                "leave columns out with profiles.exclude",
            ));
        }
        if out.len() - start > PROFILE_BYTES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                "the update would be larger than 1 MB",
                "leave large columns out with profiles.exclude",
            ));
        }
        self.cleared.clear();
        for name in plan.properties.absent(row).chain(plan.gone.iter().map(String::as_str)) {
            self.cleared.push(if self.cleared.is_empty() { b'[' } else { b',' });
            write_string(name, &mut self.cleared);
        }
        Ok(())
    }
}

impl RowEncoder for ProfileEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        if let Err(error) = self.write_row(row, out) {
            out.truncate(start);
            return Err(error);
        }
        // A profile has no time.
        Ok(0)
    }

    fn clearing(&self, out: &mut Vec<u8>) {
        if self.cleared.is_empty() {
            return;
        }
        out.push(b'{');
        write_owner(&self.config, &self.id, out);
        out.extend_from_slice(b",\"$unset\":");
        out.extend_from_slice(&self.cleared);
        out.extend_from_slice(b"]}\n");
    }

    fn identity_parts(&self) -> (&str, &str) {
        ("", &self.id)
    }

    fn check_insert_id(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }

    fn close(&self, _: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"}}\n");
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.properties.observed)
    }
}
