use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_core::config::{DestinationConfig, MixpanelConfig, Region};
use driftless_core::model::RowKey;
use driftless_core::ports::Ports;
use driftless_core::protocol::{ExpectedRow, Sync, failed_exports, owned_keys};
use serde_json::{Map, Value};

use super::Compared;
use crate::cli::Failure;
use crate::project::OpenProject;

/// Pages that are read at most: Mixpanel answers 60 such requests an hour (docs.mixpanel.com/reference/rate-limits,
/// 2026-08-21).
const PAGES_MAX: u64 = 60;

/// Compares profiles: each property that a row has must be there with its value, and none that a column of the row leaves
/// empty. Properties that no column gives belong to others.
pub async fn compare(
    project: &OpenProject,
    sync: &Arc<Sync>,
    ports: &Ports,
    expected: BTreeMap<RowKey, ExpectedRow>,
) -> Result<Compared, Failure> {
    let profiles = sync.config.profiles.as_ref().ok_or_else(|| Failure::failed("the sync has no mapping"))?;
    if profiles.group_key.is_some() {
        let why = "Mixpanel shows group profiles only under an id that its public API does not tell";
        return Err(Failure::failed(format!("verify cannot read group profiles: {why}; look at them in Mixpanel")));
    }
    let DestinationConfig::Mixpanel(config) = &project.destinations[&sync.config.destination] else {
        return Err(Failure::failed("verify reads Mixpanel only"));
    };
    let mut there = read(project, &sync.config.destination, config).await?;
    let unread = failed_exports(ports, sync).await.map_err(Failure::failed)?;
    let unread = unread.into_iter().map(|failed| (failed.version.key, failed.reason)).collect();
    let mut compared = Compared { expected: expected.len() as u64, unread, ..Compared::default() };
    for row in expected.values() {
        let update: Value = serde_json::from_slice(&row.payload)?;
        let id = update["$distinct_id"].as_str().unwrap_or_default();
        let wanted = update["$set"].as_object().cloned().unwrap_or_default();
        match there.remove(id) {
            Some(found) if wanted.iter().all(|(name, value)| found.get(name) == Some(value)) => compared.equal += 1,
            _ => compared.missing.push(row.from.clone()),
        }
    }
    let key_of =
        |id: &String| RowKey::from_parts(sync.config.namespace(), std::iter::once(id.as_bytes()), &mut Vec::new());
    let strangers: BTreeSet<RowKey> = there.keys().map(key_of).collect();
    let owned = owned_keys(ports, sync, &strangers).await.map_err(Failure::failed)?;
    for id in there.into_keys() {
        let key = key_of(&id);
        if owned.spoken_for.contains(&key) {
            compared.surplus.push(format!("profile {id}"));
        } else if owned.kept.contains(&key) {
            compared.kept += 1;
        } else {
            compared.foreign += 1;
        }
    }
    Ok(compared)
}

/// Every user profile of the project by distinct_id (docs.mixpanel.com/reference/engage-query, 2026-08-21).
async fn read(
    project: &OpenProject,
    destination: &str,
    config: &MixpanelConfig,
) -> Result<BTreeMap<String, Map<String, Value>>, Failure> {
    let host = match (&config.url, config.region) {
        (Some(url), _) => url.trim_end_matches('/').to_string(),
        (None, Region::Us) => "https://mixpanel.com".to_string(),
        (None, Region::Eu) => "https://eu.mixpanel.com".to_string(),
        (None, Region::In) => "https://in.mixpanel.com".to_string(),
    };
    let project_id = config.project_id.as_deref().map(|id| format!("?project_id={id}")).unwrap_or_default();
    let url = format!("{host}/api/query/engage{project_id}");
    let broken = |cause: String| Failure::failed(format!("profiles of {destination}: {cause}"));
    let (mut profiles, mut session) = (BTreeMap::new(), String::new());
    for page in 0..PAGES_MAX {
        let form = match page {
            0 => Vec::new(),
            page => vec![("page", page.to_string()), ("session_id", session.clone())],
        };
        let text = project.http.post_form(destination, &url, &form).await.map_err(broken)?;
        let answer: Value = serde_json::from_str(&text.text().await?)?;
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        session = answer["session_id"].as_str().unwrap_or_default().to_string();
        let is_last = (results.len() as u64) < answer["page_size"].as_u64().unwrap_or(u64::MAX);
        for result in results {
            let id = result["$distinct_id"].as_str().unwrap_or_default().to_string();
            profiles.insert(id, result["$properties"].as_object().cloned().unwrap_or_default());
        }
        if is_last {
            return Ok(profiles);
        }
    }
    Err(broken(format!("more than {PAGES_MAX} pages, as many as Mixpanel shows in an hour")))
}
