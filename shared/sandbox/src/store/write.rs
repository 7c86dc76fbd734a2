//! Keeping a request and its events, and forgetting all of them.

use rusqlite::params;

use super::{Store, StoreError};
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
    /// Keeps a request and the events that were accepted from it, in this order, all or nothing.
    pub fn record(&self, request: &NewRequest<'_>, accepted: &[ValidEvent]) -> Result<(), StoreError> {
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
            transaction
                .prepare_cached(
                    "INSERT INTO requests (at_ms, path, status, events, accepted, note)
                     VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    request.at_ms,
                    request.path,
                    request.status,
                    stored_count(request.events),
                    stored_count(accepted.len()),
                    request.note,
                ])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets every copy and every request; says how many copies there were.
    pub fn clear(&self) -> Result<usize, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let copies = transaction.execute("DELETE FROM copies", [])?;
        transaction.execute("DELETE FROM requests", [])?;
        transaction.commit()?;
        Ok(copies)
    }
}

fn stored_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
