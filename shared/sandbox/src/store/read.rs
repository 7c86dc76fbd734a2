//! Reading what arrived.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::{CopyFilter, CopyRow, DayCount, EventCount, ProfileRow, RequestRow, Totals, count};
use super::{Store, StoreError};

/// One row per identity, read from the index alone: SQLite takes `deleted` from the row that has the `max(seq)`.
const IDENTITIES: &str = "
    SELECT event, time_ms, count(*) AS copies, max(seq) AS seq, deleted
    FROM copies INDEXED BY identity
    GROUP BY event, distinct_id, time_ms, insert_id, project";

impl Store {
    /// Up to `limit` copies after `after_seq` in the order of ingestion: a page of a raw export. Start with 0.
    pub fn copies(&self, filter: &CopyFilter, after_seq: i64, limit: usize) -> Result<Vec<CopyRow>, StoreError> {
        let bound = ("seq > ?", Value::Integer(after_seq));
        self.select(filter, Some(bound), "ASC", limit)
    }

    /// The last `limit` copies, the latest first.
    pub fn last_copies(&self, filter: &CopyFilter, limit: usize) -> Result<Vec<CopyRow>, StoreError> {
        self.select(filter, None, "DESC", limit)
    }

    fn select(
        &self,
        filter: &CopyFilter,
        bound: Option<(&'static str, Value)>,
        order: &str,
        limit: usize,
    ) -> Result<Vec<CopyRow>, StoreError> {
        let mut terms = terms(filter)?;
        terms.extend(bound);
        let mut conditions: Vec<&str> = terms.iter().map(|(term, _)| *term).collect();
        if filter.visible {
            conditions.push(
                "NOT EXISTS (SELECT 1 FROM copies AS later INDEXED BY identity
                 WHERE later.event = c.event AND later.distinct_id = c.distinct_id
                 AND later.time_ms = c.time_ms AND later.insert_id = c.insert_id
                 AND later.project = c.project AND later.seq > c.seq)",
            );
        }
        if filter.hide_deleted {
            conditions.push("deleted = 0");
        }
        if conditions.is_empty() {
            conditions.push("1");
        }
        // NOT INDEXED: rows are wanted in the order of `seq`, a page at a time; sorting by it each time would be quadratic.
        let sql = format!(
            "SELECT {columns} FROM copies AS c NOT INDEXED WHERE {conditions} ORDER BY seq {order} LIMIT ?",
            columns = CopyRow::COLUMNS,
            conditions = conditions.join(" AND "),
        );
        let limit = Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
        let values = terms.into_iter().map(|(_, value)| value).chain([limit]);
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), CopyRow::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts per event name, most visible first.
    pub fn event_counts(&self) -> Result<Vec<EventCount>, StoreError> {
        let sql = format!(
            "SELECT event, visible, deleted, copies, latest_ms,
                    (SELECT received_ms FROM copies WHERE seq = last_seq)
             FROM (SELECT event, sum(deleted = 0) AS visible, sum(deleted) AS deleted, sum(copies) AS copies,
                          max(time_ms) AS latest_ms, max(seq) AS last_seq
                   FROM ({IDENTITIES}) GROUP BY event)
             ORDER BY visible DESC, event"
        );
        self.rows(&sql, |row| {
            Ok(EventCount {
                event: row.get(0)?,
                visible: count(row, 1)?,
                deleted: count(row, 2)?,
                copies: count(row, 3)?,
                latest_ms: row.get(4)?,
                received_ms: row.get(5)?,
            })
        })
    }

    /// Counts per event name and UTC day.
    pub fn day_counts(&self) -> Result<Vec<DayCount>, StoreError> {
        let sql = format!(
            "SELECT event, date(time_ms / 1000, 'unixepoch') AS day, sum(deleted = 0), sum(copies)
             FROM ({IDENTITIES}) GROUP BY event, day ORDER BY event, day"
        );
        self.rows(&sql, |row| {
            Ok(DayCount { event: row.get(0)?, day: row.get(1)?, visible: count(row, 2)?, copies: count(row, 3)? })
        })
    }

    /// Up to `limit` profiles of a group key (empty: of users) after an id, by id; all projects together.
    pub fn profiles(&self, group_key: &str, after: &str, limit: usize) -> Result<Vec<ProfileRow>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT project, group_key, id, properties, updated_ms FROM profiles
             WHERE group_key = ? AND id > ? ORDER BY id LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(rusqlite::params![group_key, after, limit], profile)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A lookup table as it was sent.
    pub fn lookup_table(&self, id: &str) -> Result<Option<String>, StoreError> {
        let tables = self.lock().query_row("SELECT csv FROM lookup_tables WHERE id = ?", [id], |row| row.get(0));
        match tables {
            Ok(csv) => Ok(Some(csv)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The last `limit` profiles that were updated, the latest first, and how many there are.
    pub fn last_profiles(&self, limit: u32) -> Result<(Vec<ProfileRow>, u64), StoreError> {
        let sql = format!(
            "SELECT project, group_key, id, properties, updated_ms FROM profiles
             ORDER BY updated_ms DESC, group_key, id LIMIT {limit}"
        );
        let rows = self.rows(&sql, profile)?;
        let all = self.lock().query_row("SELECT count(*) FROM profiles", [], |row| count(row, 0))?;
        Ok((rows, all))
    }

    /// The last `limit` requests, the latest first.
    pub fn last_requests(&self, limit: u32) -> Result<Vec<RequestRow>, StoreError> {
        let sql = format!(
            "SELECT seq, at_ms, path, status, events, accepted, note
             FROM requests ORDER BY seq DESC LIMIT {limit}"
        );
        self.rows(&sql, |row| {
            Ok(RequestRow {
                seq: row.get(0)?,
                at_ms: row.get(1)?,
                path: row.get(2)?,
                status: row.get(3)?,
                events: count(row, 4)?,
                accepted: count(row, 5)?,
                note: row.get(6)?,
            })
        })
    }

    /// Everything, in numbers.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        let counts = self.event_counts()?;
        let connection = self.lock();
        totals(&connection, &counts)
    }

    /// How many requests got each status; 0 stands for no answer.
    pub fn statuses(&self) -> Result<BTreeMap<u16, u64>, StoreError> {
        let rows = self
            .rows("SELECT status, count(*) FROM requests GROUP BY status", |row| Ok((row.get(0)?, count(row, 1)?)))?;
        Ok(rows.into_iter().collect())
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn profile(row: &rusqlite::Row<'_>) -> rusqlite::Result<ProfileRow> {
    Ok(ProfileRow {
        project: row.get(0)?,
        group_key: row.get(1)?,
        id: row.get(2)?,
        properties: row.get(3)?,
        updated_ms: row.get(4)?,
    })
}

fn terms(filter: &CopyFilter) -> Result<Vec<(&'static str, Value)>, StoreError> {
    let mut terms = Vec::new();
    if let Some(project) = &filter.project {
        terms.push(("project = ?", Value::Text(project.clone())));
    }
    if let Some(events) = &filter.events {
        let names = serde_json::to_string(events)?;
        let term = "event IN (SELECT value FROM json_each(?))";
        terms.push((term, Value::Text(names)));
    }
    if let Some(distinct_id) = &filter.distinct_id {
        terms.push(("distinct_id = ?", Value::Text(distinct_id.clone())));
    }
    if let Some(from_ms) = filter.from_ms {
        terms.push(("time_ms >= ?", Value::Integer(from_ms)));
    }
    if let Some(until_ms) = filter.until_ms {
        terms.push(("time_ms < ?", Value::Integer(until_ms)));
    }
    Ok(terms)
}

fn totals(connection: &Connection, counts: &[EventCount]) -> Result<Totals, StoreError> {
    let (requests, received, accepted) = connection.query_row(
        "SELECT count(*), coalesce(sum(events), 0), coalesce(sum(accepted), 0) FROM requests",
        [],
        |row| Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?)),
    )?;
    let sum = |part: fn(&EventCount) -> u64| counts.iter().map(part).sum::<u64>();
    let (copies, visible, deleted) = (sum(|c| c.copies), sum(|c| c.visible), sum(|c| c.deleted));
    Ok(Totals { requests, received, accepted, copies, visible, deleted, hidden: copies - visible - deleted })
}
