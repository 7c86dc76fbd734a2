//! Amplitude's project: a log of what was applied, and what it comes to.

use std::sync::{MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::write::note_request;
use super::{NewRequest, Store, StoreError};
use crate::amplitude::deletion::DeletionJob;
use crate::amplitude::identify::Identification;
use crate::amplitude::project::Project;

/// Something that changes the project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// Events of `/batch`.
    Events(Vec<Map<String, Value>>),
    /// Of `/identify` or `/groupidentify`.
    Identify(Vec<Identification>),
    /// A lookup table by name.
    Table(String, String),
    /// A mutation file by name, its bytes as base64.
    File(String, String),
    /// Users to be deleted.
    Deletion(DeletionJob),
    /// Every deletion that was asked for is carried out.
    DeleteAll,
}

impl Entry {
    /// A mutation file.
    pub fn file(name: &str, bytes: &[u8]) -> Self {
        Self::File(name.to_owned(), BASE64_STANDARD.encode(bytes))
    }

    /// Applies it; says how many events it added.
    fn apply(self, project: &mut Project, at_ms: i64) -> usize {
        match self {
            Self::Events(events) => return project.take_events(events, at_ms),
            Self::Identify(all) => {
                project.identify(&all);
                return all.len();
            }
            Self::Table(name, csv) => drop(project.tables.insert(name, csv)),
            Self::File(name, bytes) => {
                let bytes = BASE64_STANDARD.decode(bytes).unwrap_or_default();
                // A file that cannot be read is noted as read all the same: Amplitude looks at each once.
                if project.read_file(&name, &bytes, at_ms).is_err() {
                    project.files.insert(name);
                }
            }
            Self::Deletion(job) => project.deletions.push(job),
            Self::DeleteAll => project.delete_due(i64::MAX),
        }
        0
    }
}

impl Store {
    /// What Amplitude's project has.
    pub fn amplitude(&self) -> MutexGuard<'_, Project> {
        self.amplitude.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request to Amplitude and applies what it brings.
    pub fn record_amplitude(&self, request: &NewRequest<'_>, entry: Option<Entry>) -> Result<(), StoreError> {
        let mut project = self.amplitude();
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let accepted = match entry {
            None => 0,
            Some(entry) => {
                let mut insert =
                    transaction.prepare_cached("INSERT INTO amplitude_log (at_ms, entry) VALUES (?, ?)")?;
                insert.execute(params![request.at_ms, serde_json::to_string(&entry)?])?;
                drop(insert);
                entry.apply(&mut project, request.at_ms)
            }
        };
        note_request(&transaction, request, accepted)?;
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn replay_amplitude(&self) -> Result<(), StoreError> {
        let mut project = self.amplitude();
        let connection = self.lock();
        let mut select = connection.prepare("SELECT at_ms, entry FROM amplitude_log ORDER BY seq")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let entry: Entry = serde_json::from_str(&row.get::<_, String>(1)?)?;
            entry.apply(&mut project, row.get(0)?);
        }
        Ok(())
    }
}
