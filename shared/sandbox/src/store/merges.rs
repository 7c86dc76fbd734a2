//! Which ids Mixpanel was told are one.

use super::{Store, StoreError};
use crate::mixpanel::identity::{Clusters, Merge};

impl Store {
    /// What the merges of a project, or of all, come to.
    pub fn clusters(&self, project: Option<&str>) -> Result<Clusters, StoreError> {
        let connection = self.lock();
        let mut select = connection.prepare_cached("SELECT a, b FROM merges WHERE ?1 IS NULL OR project = ?1")?;
        let rows = select.query_map([project], |row| Ok(Merge(row.get(0)?, row.get(1)?)))?;
        Ok(Clusters::of(&rows.collect::<Result<Vec<_>, _>>()?))
    }
}
