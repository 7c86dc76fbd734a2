use driftless_core::config::{DestinationConfig, Kind, MixpanelConfig, Region};
use driftless_core::model::RowKey;
use driftless_core::protocol::{expected_rows, failed_exports, owned_keys};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

use super::{open, print_json, verify_profiles};
use crate::cli::{Exit, Failure};
use crate::output::number;
use crate::project::{Access, OpenProject, Place};

/// Differences shown.
const SHOWN: usize = 10;

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Rows that the exports say should be there.
    pub expected: u64,
    /// Of these, rows that are there, property by property.
    pub equal: u64,
    /// Rows that are not there as they should be: where they come from.
    pub missing: Vec<String>,
    /// What is there of this sync's keys and no row accounts for: insert_ids of events, ids of profiles.
    pub surplus: Vec<String>,
    /// What is there of other senders, and of other syncs, in the same project.
    pub foreign: u64,
    /// Exports that could not be read, with the reason: what they hold is not compared.
    pub unread: Vec<(String, String)>,
}

/// Compares the exports with the destination.
pub async fn run(place: &Place, name: &str, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Look, json).await?;
    let compared = compare(&project, name).await?;
    progress.clear();
    let differs = !compared.missing.is_empty() || !compared.surplus.is_empty() || !compared.unread.is_empty();
    if json {
        print_json(&compared)?;
    } else {
        print(name, &compared);
    }
    Ok(if differs { Exit::Failed } else { Exit::Done })
}

/// For people.
pub fn print(name: &str, compared: &Compared) {
    println!(
        "{name}: {} rows in the exports, {} equal at the destination, {} missing or different, {} surplus ({} of others)",
        number(compared.expected),
        number(compared.equal),
        number(compared.missing.len() as u64),
        number(compared.surplus.len() as u64),
        number(compared.foreign)
    );
    for (export, reason) in &compared.unread {
        println!("  cannot be read, so not compared: {export}: {reason}");
    }
    for from in compared.missing.iter().take(SHOWN) {
        println!("  missing or different: {from}");
    }
    for id in compared.surplus.iter().take(SHOWN) {
        println!("  surplus: {id}");
    }
}

/// Reads both sides and compares them as bags of (event, properties) without insert_id: a row whose identity changed has
/// another insert_id than its first one.
pub async fn compare(project: &OpenProject, name: &str) -> Result<Compared, Failure> {
    let (sync, ports) = project.sync(name)?;
    let expected = expected_rows(ports, sync).await.map_err(Failure::failed)?;
    if sync.config.kind == Kind::LookupTable {
        let why = "Mixpanel's public API does not show what is in a table";
        return Err(Failure::failed(format!("verify cannot read lookup tables: {why}; look at it in Mixpanel")));
    }
    if sync.config.kind != Kind::Events {
        return verify_profiles::compare(project, sync, ports, expected).await;
    }
    let (mut from_ms, mut until_ms) = (i64::MAX, i64::MIN);
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let total = expected.len() as u64;
    let expected_keys: BTreeSet<RowKey> = expected.keys().copied().collect();
    let mut unmatched = Vec::new();
    for row in expected.into_values() {
        let event: Value = serde_json::from_slice(&row.payload)?;
        let time_ms = event["properties"]["time"].as_i64().unwrap_or(0);
        from_ms = from_ms.min(time_ms);
        until_ms = until_ms.max(time_ms);
        wanted.entry(canonical(&event).0).or_default().push(row.from);
    }
    let unread = failed_exports(ports, sync).await.map_err(Failure::failed)?;
    let unread = unread.into_iter().map(|failed| (failed.version.key, failed.reason)).collect();
    let mut compared = Compared { expected: total, unread, ..Compared::default() };
    let DestinationConfig::Mixpanel(config) = &project.destinations[&sync.config.destination];
    for event in
        visible(project, &sync.config.destination, config, from_ms.min(until_ms), until_ms.max(from_ms)).await?
    {
        let (text, insert_id) = canonical(&event);
        match wanted.get_mut(&text).and_then(Vec::pop) {
            Some(_) => compared.equal += 1,
            None => unmatched.push(insert_id),
        }
    }
    compared.missing = wanted.into_values().flatten().collect();
    // An event is this sync's if its insert_id is a key of its exports or of its row states.
    let keeps = sync.config.keeps_insert_id();
    let key_of = |id: &String| match keeps {
        true => Some(RowKey::from_parts(sync.config.namespace(), std::iter::once(id.as_bytes()), &mut Vec::new())),
        false => u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32).map(|n| RowKey(n.to_be_bytes())),
    };
    let strangers = unmatched.iter().filter_map(key_of).filter(|key| !expected_keys.contains(key)).collect();
    let owned = owned_keys(ports, sync, &strangers).await.map_err(Failure::failed)?;
    for id in unmatched {
        match key_of(&id) {
            Some(key) if expected_keys.contains(&key) || owned.contains(&key) => {
                compared.surplus.push(format!("insert_id {id}"))
            }
            _ => compared.foreign += 1,
        }
    }
    Ok(compared)
}

/// The latest copy of each identity, without tombstones, from the raw export, which holds all copies
/// (docs.mixpanel.com/reference/event-deduplication, 2026-08-21).
async fn visible(
    project: &OpenProject,
    destination: &str,
    config: &MixpanelConfig,
    from_ms: i64,
    until_ms: i64,
) -> Result<Vec<Value>, Failure> {
    let host = match (&config.url, config.region) {
        (Some(url), _) => url.trim_end_matches('/').to_string(),
        (None, Region::Us) => "https://data.mixpanel.com".to_string(),
        (None, Region::Eu) => "https://data-eu.mixpanel.com".to_string(),
        (None, Region::In) => "https://data-in.mixpanel.com".to_string(),
    };
    // A sandbox shows everything; a project only the days in question.
    let (from, until) = if config.url.is_some() {
        ("1971-01-01".to_string(), "2999-12-31".to_string())
    } else {
        (day(from_ms), day(until_ms))
    };
    let project_id = config.service_account.as_ref().and(config.project_id.as_ref());
    let project_id = project_id.map(|id| format!("&project_id={id}")).unwrap_or_default();
    let url = format!("{host}/api/2.0/export?from_date={from}&to_date={until}&time_in_ms=true{project_id}");
    let text = project
        .http
        .get(destination, &url)
        .await
        .map_err(|e| Failure::failed(format!("raw export of {destination}: {e}")))?;
    let mut latest: BTreeMap<(String, String, i64, String), Value> = BTreeMap::new();
    for line in text.text().await?.lines().filter(|line| !line.is_empty()) {
        let event: Value = serde_json::from_str(line)?;
        let of = |name: &str| event["properties"][name].as_str().unwrap_or_default().to_string();
        let time_ms = event["properties"]["time"].as_i64().unwrap_or(0);
        let identity =
            (event["event"].as_str().unwrap_or_default().to_string(), of("distinct_id"), time_ms, of("$insert_id"));
        latest.insert(identity, event);
    }
    Ok(latest.into_values().filter(|event| event["properties"]["driftless_deleted"] != Value::Bool(true)).collect())
}

fn day(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|t| t.strftime("%Y-%m-%d").to_string())
        .unwrap_or_else(|_| "1971-01-01".to_string())
}

/// Event and properties in one spelling, and the insert_id. What the server adds, or keeps for itself, is left out.
fn canonical(event: &Value) -> (String, String) {
    const SERVER: &[&str] = &[
        "$insert_id",
        "ip",
        "mp_processing_time_ms",
        "$import",
        "$mp_api_endpoint",
        "$mp_api_timestamp_ms",
        "$mp_event_size",
    ];
    let mut properties: BTreeMap<&str, &Value> = BTreeMap::new();
    if let Some(Value::Object(all)) = event.get("properties") {
        let all: &Map<String, Value> = all;
        properties
            .extend(all.iter().filter(|(name, _)| !SERVER.contains(&name.as_str())).map(|(n, v)| (n.as_str(), v)));
    }
    let text = serde_json::json!([event["event"], properties]).to_string();
    (text, event["properties"]["$insert_id"].as_str().unwrap_or_default().to_string())
}
