use std::sync::Arc;

use driftless_core::config::ProfilesConfig;
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, SchemaLock};
use driftless_core::ports::{Mutation, RowEncoder};

use super::event_encoder::id_of;
use super::limits::{PROFILE_BYTES, PROFILE_NESTED, PROFILE_PROPERTIES, value_rules};
use crate::json::write_string;
use crate::profile_columns::ProfileColumns;
use crate::properties::PropertyWriter;

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
    columns: ProfileColumns,
    id: String,
    /// `["a","b"]`, or nothing.
    cleared: Vec<u8>,
    properties: PropertyWriter,
}

impl ProfileEncoder {
    pub fn new(config: Arc<ProfilesConfig>, lock: &SchemaLock) -> Self {
        let writer = PropertyWriter {
            rules: value_rules(PROFILE_NESTED),
            exclude: "profiles.exclude",
            observed: Observed::default(),
        };
        Self {
            columns: ProfileColumns::new(config.clone(), value_rules(PROFILE_NESTED), lock),
            config,
            id: String::new(),
            cleared: Vec::new(),
            properties: writer,
        }
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let plan = self.columns.plan(row.columns);
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
        for name in plan.absent(row) {
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

    fn close(&self, _: &str, _: Mutation<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"}}\n");
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.properties.observed)
    }
}
