use std::sync::Arc;

use driftless_core::config::ProfilesConfig;
use driftless_core::model::{Observed, Row, RowError, RowErrorCode, SchemaLock};
use driftless_core::ports::{Mutation, RowEncoder};

use super::event_encoder::{Names, push_part};
use super::ids::IdRules;
use super::limits::{EVENT_BYTES, value_rules};
use super::property_encoder::no_id;
use crate::json::write_string;
use crate::profile_columns::{ProfileColumns, push_names};
use crate::properties::PropertyWriter;

/// Writes rows as lines of a profiles' mutation file: the user, every property, null for what an older copy may have.
pub(super) struct ProfileFileEncoder {
    config: Arc<ProfilesConfig>,
    columns: ProfileColumns,
    user_id: String,
    mutation_type: String,
    id: String,
    /// `"a":null,"b":null`, or nothing.
    cleared: Vec<u8>,
    properties: PropertyWriter,
}

impl ProfileFileEncoder {
    /// `names` are those of the user's and the mutation type's columns.
    pub fn new(config: Arc<ProfilesConfig>, lock: &SchemaLock, names: (String, String)) -> Self {
        let (user_id, mutation_type) = names;
        // A column of one of these names would take its place.
        let config = Arc::new(without_columns(&config, &[&user_id, &mutation_type]));
        let properties =
            PropertyWriter { rules: value_rules(), exclude: "profiles.exclude", observed: Observed::default() };
        Self {
            columns: ProfileColumns::new(config.clone(), value_rules(), lock),
            config,
            user_id: ready(&user_id),
            mutation_type: ready(&mutation_type),
            id: String::new(),
            cleared: Vec::new(),
            properties,
        }
    }

    fn write_row(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<(), RowError> {
        let plan = self.columns.plan(row.columns);
        let id = IdRules::fixed().read(plan.id, row, Some(&self.config.id))?.ok_or_else(|| no_id(&self.config))?;
        self.id.clear();
        self.id.push_str(&id);
        let start = out.len();
        out.push(b'{');
        out.extend_from_slice(self.user_id.as_bytes());
        write_string(&id, out);
        self.properties.write(&plan.properties, row, out)?;
        self.cleared.clear();
        push_names(plan.absent(row), "null", &mut self.cleared);
        if out.len() - start > EVENT_BYTES {
            return Err(RowError::of_row(
                RowErrorCode::LimitExceeded,
                "the profile would be larger than 1 MB",
                "leave large columns out with profiles.exclude",
            ));
        }
        Ok(())
    }
}

fn ready(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

/// The mapping, in which columns of reserved names get other ones.
fn without_columns(config: &ProfilesConfig, reserved: &[&String]) -> ProfilesConfig {
    let mut config = config.clone();
    for name in reserved {
        if **name != config.id && !config.properties.values().any(|column| column == *name) {
            config.properties.insert(format!("column_{name}"), (*name).clone());
        }
    }
    config
}

/// Appends the line that deletes a profile.
pub(super) fn write_profile_delete(user_id: &str, mutation_type: &str, id: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    out.extend_from_slice(ready(user_id).as_bytes());
    write_string(id, out);
    push_part(&ready(mutation_type), "DELETE", out);
    out.extend_from_slice(b"}\n");
}

impl RowEncoder for ProfileFileEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let start = out.len();
        if let Err(error) = self.write_row(row, out) {
            out.truncate(start);
            return Err(error);
        }
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
            out.push(b',');
            out.extend_from_slice(clearing);
        }
        push_part(&self.mutation_type, Names::mutation_type(mutation), out);
        out.extend_from_slice(b"}\n");
    }

    fn take_observed(&mut self) -> Observed {
        std::mem::take(&mut self.properties.observed)
    }
}
