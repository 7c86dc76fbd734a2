use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_core::config::ProfilesConfig;
use driftless_core::mapping::technical_columns;
use driftless_core::model::{Columns, Row, SchemaLock};

use crate::json::write_string;
use crate::properties::{JsonColumns, Properties};
use crate::value_rules::ValueRules;

/// What the columns of profiles are for, and which properties a row does not have.
pub(crate) struct ProfileColumns {
    config: Arc<ProfilesConfig>,
    rules: ValueRules,
    hidden: Vec<String>,
    /// Columns of all exports so far.
    known: Vec<String>,
    plan: Option<(Arc<Columns>, Arc<ProfilePlan>)>,
}

/// What each column of a column list is for. Worked out once per list.
pub(crate) struct ProfilePlan {
    /// Column of the id.
    pub id: Option<usize>,
    pub properties: Properties,
    /// Properties whose columns this export does not have.
    gone: Vec<String>,
}

impl ProfilePlan {
    /// Names of the properties that an older copy may have and the row does not.
    pub fn absent<'a>(&'a self, row: Row<'a>) -> impl Iterator<Item = &'a str> {
        self.properties.absent(row).chain(self.gone.iter().map(String::as_str))
    }
}

impl ProfileColumns {
    pub fn new(config: Arc<ProfilesConfig>, rules: ValueRules, lock: &SchemaLock) -> Self {
        Self {
            config,
            rules,
            hidden: technical_columns(lock),
            known: lock.columns.iter().cloned().collect(),
            plan: None,
        }
    }

    pub fn plan(&mut self, columns: &Arc<Columns>) -> Arc<ProfilePlan> {
        if let Some((known, plan)) = &self.plan
            && Arc::ptr_eq(known, columns)
        {
            return plan.clone();
        }
        let (mut named, mut gone) = (Vec::new(), Vec::new());
        for (property, column) in self.properties(&columns.names) {
            match columns.names.iter().position(|name| *name == column) {
                Some(n) => named.push((property, n)),
                None => gone.push(property),
            }
        }
        let find = |name: &str| columns.names.iter().position(|n| n == name);
        let json = JsonColumns { names: &self.config.json_properties, fields: &self.config.json_fields };
        let plan = Arc::new(ProfilePlan {
            id: find(&self.config.id),
            properties: Properties::new(&self.rules, named, json, columns),
            gone,
        });
        self.plan = Some((columns.clone(), plan.clone()));
        plan
    }

    /// Every property with its column: those of all exports so far, and of these columns.
    pub fn properties(&self, columns: &[String]) -> Vec<(String, String)> {
        let config = &self.config;
        let mut used: BTreeSet<&str> = config.exclude.iter().map(String::as_str).collect();
        used.extend(self.hidden.iter().map(String::as_str));
        used.extend(config.json_properties.iter().map(String::as_str));
        used.extend(config.properties.values().map(String::as_str));
        used.insert(&config.id);
        let renamed = config.properties.iter().map(|(property, column)| (property.clone(), column.clone()));
        let all: BTreeSet<&str> = columns.iter().chain(&self.known).map(String::as_str).collect();
        let own = all.into_iter().filter(|name| !used.contains(name));
        let own = own.filter(|name| config.only.is_empty() || config.only.iter().any(|only| only == name));
        renamed.chain(own.map(|name| (name.to_string(), name.to_string()))).collect()
    }
}

/// Appends `"a":VALUE,"b":VALUE`.
pub(crate) fn push_names<'a>(names: impl Iterator<Item = &'a str>, value: &str, out: &mut Vec<u8>) {
    for (n, name) in names.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    }
}
