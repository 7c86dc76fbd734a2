use std::sync::Arc;

use driftless_core::config::IdentitiesConfig;
use driftless_core::model::{Columns, Observed, Row, RowError, RowErrorCode};
use driftless_core::ports::{Mutation, RowEncoder};

use super::event_encoder::id_of;
use crate::json::write_string;

/// The event that joins two ids.
const MERGE: &str = "$merge";

/// Writes rows as merges of a device and a user.
pub(super) struct IdentityEncoder {
    config: Arc<IdentitiesConfig>,
    places: Option<(Arc<Columns>, Option<usize>, Option<usize>)>,
    user: String,
}

impl IdentityEncoder {
    pub fn new(config: Arc<IdentitiesConfig>) -> Self {
        Self { config, places: None, user: String::new() }
    }

    /// Where user and device are.
    fn places(&mut self, columns: &Arc<Columns>) -> (Option<usize>, Option<usize>) {
        match &self.places {
            Some((known, user, device)) if Arc::ptr_eq(known, columns) => (*user, *device),
            _ => {
                let find = |column: &str| columns.names.iter().position(|name| name == column);
                let (user, device) = (find(&self.config.user_id), find(&self.config.device_id));
                self.places = Some((columns.clone(), user, device));
                (user, device)
            }
        }
    }
}

impl RowEncoder for IdentityEncoder {
    fn encode(&mut self, row: Row<'_>, out: &mut Vec<u8>) -> Result<i64, RowError> {
        let (user, device) = self.places(row.columns);
        let read = |place, column: &str| {
            id_of(place, row, Some(column))?.ok_or_else(|| {
                RowError::of_column(
                    RowErrorCode::UserMissing,
                    column,
                    format!("column {column} is empty or missing, so there is nothing to join"),
                    "leave such rows out with filter: { filled: [...] }, or name other columns in identities",
                )
            })
        };
        let (user, device) = (read(user, &self.config.user_id)?, read(device, &self.config.device_id)?);
        if user == device {
            return Err(RowError::of_column(
                RowErrorCode::IdRefused,
                &self.config.device_id,
                format!("columns {} and {} hold the same id", self.config.user_id, self.config.device_id),
                "nothing has to be joined for it; leave the row out of the export if it should not be counted here",
            ));
        }
        self.user.clear();
        self.user.push_str(&user);
        out.extend_from_slice(b"{\"event\":\"$merge\",\"properties\":{\"$distinct_ids\":[");
        write_string(&device, out);
        out.push(b',');
        write_string(&user, out);
        out.push(b']');
        // A merge has no time.
        Ok(0)
    }

    fn identity_parts(&self) -> (&str, &str) {
        (MERGE, &self.user)
    }

    /// It says nothing of who has events or a profile.
    fn names_user(&self) -> bool {
        false
    }

    fn check_insert_id(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }

    fn close(&self, _: &str, _: Mutation<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"}}\n");
    }

    fn take_observed(&mut self) -> Observed {
        Observed::default()
    }
}
