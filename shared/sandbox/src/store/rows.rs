//! What the store hands out.

use rusqlite::Row;
use serde::Serialize;

/// Which copies to read. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyFilter {
    /// Only this project.
    pub project: Option<String>,
    /// Only events of these names.
    pub events: Option<Vec<String>>,
    /// Only events of this distinct_id.
    pub distinct_id: Option<String>,
    /// Only times from here on, in milliseconds.
    pub from_ms: Option<i64>,
    /// Only times before this, in milliseconds.
    pub until_ms: Option<i64>,
    /// Only the latest copy of each identity.
    pub visible: bool,
    /// No tombstones.
    pub hide_deleted: bool,
}

/// One accepted copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRow {
    /// Its place in the order of ingestion.
    pub seq: i64,
    /// The project it was sent to.
    pub project: String,
    /// The event's name.
    pub event: String,
    /// Who did it.
    pub distinct_id: String,
    /// When, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The id that duplicates are found by.
    pub insert_id: String,
    /// Is it a tombstone?
    pub deleted: bool,
    /// The other properties, as a JSON object.
    pub properties: String,
    /// When it arrived, in milliseconds since the epoch.
    pub received_ms: i64,
}

impl CopyRow {
    pub(super) const COLUMNS: &'static str =
        "seq, project, event, distinct_id, time_ms, insert_id, deleted, properties, received_ms";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            project: row.get(1)?,
            event: row.get(2)?,
            distinct_id: row.get(3)?,
            time_ms: row.get(4)?,
            insert_id: row.get(5)?,
            deleted: row.get(6)?,
            properties: row.get(7)?,
            received_ms: row.get(8)?,
        })
    }
}

/// One profile as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRow {
    /// The project it belongs to.
    pub project: String,
    /// The group key; empty for a user.
    pub group_key: String,
    /// distinct_id or group id.
    pub id: String,
    /// Its properties, as a JSON object.
    pub properties: String,
    /// When it was last updated, in milliseconds since the epoch.
    pub updated_ms: i64,
}

/// A count, which SQLite keeps as a signed integer and never makes negative.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::unsigned_abs)
}

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// Its place in the order of arrival.
    pub seq: i64,
    /// When it was answered, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The path it asked for.
    pub path: String,
    /// The status it was answered with; 0 if the connection was closed without an answer.
    pub status: u16,
    /// The events it held; 0 if it was refused before they were counted.
    pub events: u64,
    /// The events that were taken.
    pub accepted: u64,
    /// Why it, or some of its events, failed.
    pub note: String,
}

/// The events of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventCount {
    /// The name.
    pub event: String,
    /// Identities whose latest copy is no tombstone.
    pub visible: u64,
    /// Identities whose latest copy is a tombstone.
    pub deleted: u64,
    /// Every copy.
    pub copies: u64,
    /// The latest event time, in milliseconds since the epoch.
    pub latest_ms: i64,
    /// When the last copy arrived, in milliseconds since the epoch.
    pub received_ms: i64,
}

/// The events of one name on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayCount {
    /// The name.
    pub event: String,
    /// The UTC day, as `YYYY-MM-DD`.
    pub day: String,
    /// Identities whose latest copy is no tombstone.
    pub visible: u64,
    /// Every copy.
    pub copies: u64,
}

/// Everything, in numbers. `copies` = `visible` + `deleted` + `hidden`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests that arrived.
    pub requests: u64,
    /// Events in them, as far as they were counted.
    pub received: u64,
    /// Events that were taken.
    pub accepted: u64,
    /// Every copy that is kept.
    pub copies: u64,
    /// Identities whose latest copy is no tombstone.
    pub visible: u64,
    /// Identities whose latest copy is a tombstone.
    pub deleted: u64,
    /// Copies that deduplication hides.
    pub hidden: u64,
}

impl Totals {
    /// Events that were received and not taken: invalid ones, and those with `$ignore`.
    pub fn rejected(&self) -> u64 {
        self.received.saturating_sub(self.accepted)
    }
}
