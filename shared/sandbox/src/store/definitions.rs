//! What Mixpanel was told of events and properties.

use rusqlite::params;
use serde_json::{Value, json};

use super::{Store, StoreError};

impl Store {
    /// Keeps a definition in the place of one of the same name; its id.
    pub fn define(&self, resource: &str, name: &str, definition: &Value) -> Result<i64, StoreError> {
        let insert = "INSERT INTO definitions (resource, name, definition) VALUES (?, ?, ?)
            ON CONFLICT (resource, name) DO UPDATE SET definition = excluded.definition RETURNING id";
        let values = params![resource, name, serde_json::to_string(definition)?];
        Ok(self.lock().query_row(insert, values, |row| row.get(0))?)
    }

    /// Every definition, in the order in which they came.
    pub fn definitions(&self) -> Result<Vec<Value>, StoreError> {
        let connection = self.lock();
        let mut select = connection.prepare("SELECT id, resource, definition FROM definitions ORDER BY id")?;
        let rows = select
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
        rows.map(|row| {
            let (id, resource, definition) = row?;
            let definition: Value = serde_json::from_str(&definition)?;
            Ok(json!({ "id": id, "resource": resource, "definition": definition }))
        })
        .collect()
    }
}
