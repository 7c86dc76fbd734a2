//! Keeping a request and its events, and forgetting all of them.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError};
use crate::amplitude::project::Project;
use crate::mixpanel::identity::Merge;
use crate::mixpanel::profile::ProfileUpdate;
use crate::mixpanel::validate::ValidEvent;

/// A request to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest<'a> {
    /// When it is answered, in milliseconds since the epoch; also the arrival time of its events.
    pub at_ms: i64,
    /// The path it asked for.
    pub path: &'a str,
    /// The project its events go to.
    pub project: &'a str,
    /// The status it is answered with; 0 if it gets no answer.
    pub status: u16,
    /// The events it held.
    pub events: usize,
    /// Why it, or some of its events, failed.
    pub note: &'a str,
}

impl Store {
    /// Keeps a request and the events and merges that were accepted from it, in this order, all or nothing.
    pub fn record(
        &self,
        request: &NewRequest<'_>,
        accepted: &[ValidEvent],
        merges: &[Merge],
    ) -> Result<(), StoreError> {
        let properties: Vec<String> =
            accepted.iter().map(|event| serde_json::to_string(&event.properties)).collect::<Result<_, _>>()?;
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO copies
                 (project, event, distinct_id, time_ms, insert_id, deleted, properties, received_ms)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for (event, properties) in accepted.iter().zip(&properties) {
                insert.execute(params![
                    request.project,
                    event.event,
                    event.distinct_id,
                    event.time_ms,
                    event.insert_id,
                    event.is_deleted(),
                    properties,
                    request.at_ms,
                ])?;
            }
        }
        for Merge(a, b) in merges {
            let mut insert =
                transaction.prepare_cached("INSERT OR IGNORE INTO merges (project, a, b) VALUES (?, ?, ?)")?;
            insert.execute(params![request.project, a, b])?;
        }
        note_request(&transaction, request, accepted.len() + merges.len())?;
        transaction.commit()?;
        Ok(())
    }

    /// Keeps a request and applies the updates of profiles that were valid, in this order, all or nothing. `project_of`
    /// names the project of a token; an unknown token's updates go nowhere, as at Mixpanel.
    pub fn record_profiles(
        &self,
        request: &NewRequest<'_>,
        updates: &[ProfileUpdate],
        project_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for update in updates {
            let Some(project) = project_of(&update.token) else { continue };
            let key = params![project, update.key.group_key, update.key.id];
            let mut select = transaction
                .prepare_cached("SELECT properties FROM profiles WHERE project = ? AND group_key = ? AND id = ?")?;
            let known: Option<String> = select.query_row(key, |row| row.get(0)).optional()?;
            let known = known.map(|text| serde_json::from_str(&text)).transpose()?;
            match update.apply(known) {
                None => drop(
                    transaction
                        .prepare_cached("DELETE FROM profiles WHERE project = ? AND group_key = ? AND id = ?")?
                        .execute(key)?,
                ),
                Some(properties) => drop(
                    transaction
                        .prepare_cached(
                            "INSERT OR REPLACE INTO profiles (project, group_key, id, properties, updated_ms)
                             VALUES (?, ?, ?, ?, ?)",
                        )?
                        .execute(params![
                            project,
                            update.key.group_key,
                            update.key.id,
                            serde_json::to_string(&properties)?,
                            request.at_ms
                        ])?,
                ),
            }
        }
        note_request(&transaction, request, updates.len())?;
        transaction.commit()?;
        Ok(())
    }

    /// Keeps a request, and the table that takes the place of an older one.
    pub fn record_lookup_table(&self, request: &NewRequest<'_>, id: &str, csv: Option<&str>) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if let Some(csv) = csv {
            transaction.execute(
                "INSERT OR REPLACE INTO lookup_tables (project, id, csv, updated_ms) VALUES (?, ?, ?, ?)",
                params![request.project, id, csv, request.at_ms],
            )?;
        }
        note_request(&transaction, request, if csv.is_some() { request.events } else { 0 })?;
        transaction.commit()?;
        Ok(())
    }

    /// Forgets every copy and every request; says how many copies there were.
    pub fn clear(&self) -> Result<usize, StoreError> {
        let mut amplitude = self.amplitude();
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let copies = transaction.execute("DELETE FROM copies", [])?;
        transaction.execute("DELETE FROM profiles", [])?;
        transaction.execute("DELETE FROM merges", [])?;
        transaction.execute("DELETE FROM lookup_tables", [])?;
        transaction.execute("DELETE FROM amplitude_log", [])?;
        transaction.execute("DELETE FROM deletions", [])?;
        transaction.execute("DELETE FROM definitions", [])?;
        transaction.execute("DELETE FROM requests", [])?;
        transaction.commit()?;
        *amplitude = Project::default();
        Ok(copies)
    }
}

pub(super) fn note_request(
    transaction: &Transaction<'_>,
    request: &NewRequest<'_>,
    accepted: usize,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO requests (at_ms, path, status, events, accepted, note) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            request.at_ms,
            request.path,
            request.status,
            stored_count(request.events),
            stored_count(accepted),
            request.note,
        ])?;
    Ok(())
}

fn stored_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
