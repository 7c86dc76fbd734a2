use std::sync::Arc;

use driftless_core::config::ProfilesConfig;
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, SchemaLock};
use driftless_core::ports::{Mutation, RowEncoder};

use super::ids::IdRules;
use super::limits::{IDENTIFY_BYTES, PROPERTIES, value_rules};
use crate::json::write_string;
use crate::profile_columns::{ProfileColumns, push_names};
use crate::properties::PropertyWriter;

/// Whose properties a line sets: `"user_id":"jane","user_properties":{`, or
/// `"group_type":"company","group_value":"acme","group_properties":{`.
pub(super) fn write_owner(config: &ProfilesConfig, id: &str, out: &mut Vec<u8>) {
    match &config.group_key {
        None => {
            out.extend_from_slice(b"{\"user_id\":");
            write_string(id, out);
            out.extend_from_slice(b",\"user_properties\":{");
        }
        Some(group_type) => {
            out.extend_from_slice(b"{\"group_type\":");
            write_string(group_type, out);
            out.extend_from_slice(b",\"group_value\":");
            write_string(id, out);
            out.extend_from_slice(b",\"group_properties\":{");
        }
    }
}

/// The value that `$unset` wants and does not read.
pub(super) const UNSET: &str = "\"-\"";

/// Writes rows as identifications: `$set` of what a row has and, where there is an older copy, `$unset` of what it has
/// not.
pub(super) struct PropertyEncoder {
    config: Arc<ProfilesConfig>,
    columns: ProfileColumns,
    ids: IdRules,
    id: String,
    /// `"a":"-","b":"-"`, or nothing.
    cleared: Vec<u8>,
    properties: PropertyWriter,
}

impl PropertyEncoder {
    pub fn new(config: Arc<ProfilesConfig>, lock: &SchemaLock) -> Self {
        let properties =
            PropertyWriter { rules: value_rules(), exclude: "profiles.exclude", observed: Observed::default() };
        // Group values have no minimum length.
        let ids = if config.group_key.is_some() { IdRules::of_api(Some(1)) } else { IdRules::fixed() };
        Self {
            columns: ProfileColumns::new(config.clone(), value_rules(), lock),
            config,
            ids,
            id: String::new(),
            cleared: Vec::new(),
            properties,
        }
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let plan = self.columns.plan(row.columns);
        let id = self.ids.read(plan.id, row, Some(&self.config.id))?.ok_or_else(|| no_id(&self.config))?;
        self.id.clear();
        self.id.push_str(&id);
        let start = out.len();
        write_owner(&self.config, &id, out);
        out.extend_from_slice(b"\"$set\":{");
        let first = out.len();
        let count = self.properties.write(&plan.properties, row, out)?;
        if count > 0 {
            // Properties are written with a comma before each.
            out.remove(first);
        }
        self.cleared.clear();
        push_names(plan.absent(row), UNSET, &mut self.cleared);
        check_size(count, out.len() - start + self.cleared.len())
    }
}

/// The row has no id.
pub(super) fn no_id(config: &ProfilesConfig) -> RowError {
    let column = &config.id;
    RowError::of_column(
        RowErrorCode::UserMissing,
        column,
        format!("id column {column} is empty or missing"),
        "fill it in the export, or name another column in profiles.id",
    )
}

fn check_size(count: usize, bytes: usize) -> Result<(), RowError> {
    let cause = if count > PROPERTIES {
        format!("the row has {count} properties, more than the {PROPERTIES} of an update at Amplitude")
    } else if bytes as u64 > IDENTIFY_BYTES {
        format!("the update has more than the {} KB that fit into a request as a form", IDENTIFY_BYTES / 1_000)
    } else {
        return Ok(());
    };
    Err(RowError::of_row(RowErrorCode::LimitExceeded, cause, "leave columns out with profiles.exclude"))
}

impl RowEncoder for PropertyEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        if let Err(error) = self.write_row(row, out) {
            out.truncate(start);
            return Err(error);
        }
        // Properties have no time.
        Ok(0)
    }

    fn clearing(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.cleared);
    }

    fn clears_within_line(&self) -> bool {
        true
    }

    fn identity_parts(&self) -> (&str, &str) {
        ("", &self.id)
    }

    fn check_insert_id(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }

    fn close(&self, _: &str, mutation: Mutation<'_>, out: &mut Vec<u8>) {
        if let Mutation::Update { clearing } = mutation
            && !clearing.is_empty()
        {
            out.extend_from_slice(b"},\"$unset\":{");
            out.extend_from_slice(clearing);
        }
        out.extend_from_slice(b"}}}\n");
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.properties.observed)
    }
}
