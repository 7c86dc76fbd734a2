use std::collections::BTreeMap;

use super::Sync;
use super::limits::PAGE;
use super::names;
use super::store::decode;
use crate::model::{Checkpoint, ExportVersion};
use crate::ports::{PortError, Ports};

/// Exports of a feed that are not consumed, in key order, at most `limit`. Compares metadata only.
pub(super) async fn feed_candidates(
    ports: &Ports,
    sync: &Sync,
    checkpoint: &Checkpoint,
    limit: usize,
) -> Result<Vec<ExportVersion>, PortError> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = ports.exports.list(&sync.config.source.prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        let consumed = consumed_between(ports, sync.name(), after.as_deref().unwrap_or(""), &last.key).await?;
        after = Some(last.key.clone());
        for version in page {
            let is_consumed = consumed.get(&version.key).is_some_and(|c| c.is_same(&version))
                || checkpoint
                    .runs
                    .iter()
                    .any(|run| run.exports[..run.consumed as usize].iter().any(|e| e.is_same(&version)));
            if !is_consumed && !ports.formats.is_control_file(&version.key) {
                found.push(version);
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
    }
}

async fn consumed_between(
    ports: &Ports,
    sync: &str,
    after: &str,
    last: &str,
) -> Result<BTreeMap<String, ExportVersion>, PortError> {
    let partition = names::consumed_partition(sync);
    let mut after = after.to_string();
    let mut found = BTreeMap::new();
    loop {
        let page = ports.table.list(&partition, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (key, item) in page {
            if key.as_str() > last {
                return Ok(found);
            }
            found.insert(key.clone(), decode("a consumed export", &item.body)?);
            after = key;
        }
        if !full {
            return Ok(found);
        }
    }
}
