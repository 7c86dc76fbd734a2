//! Deletions of users that Mixpanel was asked for.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};

impl Store {
    /// Keeps a request; its number.
    pub fn add_deletion(&self, ids: &[String]) -> Result<i64, StoreError> {
        let connection = self.lock();
        connection.execute(
            "INSERT INTO deletions (ids, status) VALUES (?, 'PENDING')",
            params![serde_json::to_string(ids)?],
        )?;
        Ok(connection.last_insert_rowid())
    }

    /// The status of a request.
    pub fn deletion(&self, tracking: i64) -> Result<Option<String>, StoreError> {
        let select = "SELECT status FROM deletions WHERE tracking = ?";
        Ok(self.lock().query_row(select, [tracking], |row| row.get(0)).optional()?)
    }

    /// Carries every request out: events and profiles of its users go.
    pub fn delete_all(&self) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let ids = "SELECT value FROM deletions, json_each(deletions.ids) WHERE status = 'PENDING'";
        transaction.execute(&format!("DELETE FROM copies WHERE distinct_id IN ({ids})"), [])?;
        transaction.execute(&format!("DELETE FROM profiles WHERE group_key = '' AND id IN ({ids})"), [])?;
        transaction.execute("UPDATE deletions SET status = 'SUCCESS'", [])?;
        transaction.commit()?;
        Ok(())
    }
}
