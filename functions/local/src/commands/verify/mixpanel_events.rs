use std::collections::BTreeMap;

use driftless_core::config::{MixpanelConfig, Region};
use driftless_core::protocol::Sync;
use serde_json::{Map, Value};

use super::{Seen, Span};
use crate::cli::Failure;
use crate::project::OpenProject;

/// The latest copy of each identity, without tombstones, from the raw export, which holds all copies
/// (docs.mixpanel.com/reference/event-deduplication, 2026-08-21).
pub(super) async fn there(
    project: &OpenProject,
    sync: &Sync,
    config: &MixpanelConfig,
    span: Span,
) -> Result<Vec<Seen>, Failure> {
    let destination = &sync.config.destination;
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
        (day(span.from_ms.min(span.until_ms)), day(span.until_ms.max(span.from_ms)))
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
        let mut event: Value = serde_json::from_str(line)?;
        as_it_was_sent(&mut event);
        let of = |name: &str| event["properties"][name].as_str().unwrap_or_default().to_string();
        let time_ms = event["properties"]["time"].as_i64().unwrap_or(0);
        let identity =
            (event["event"].as_str().unwrap_or_default().to_string(), of("distinct_id"), time_ms, of("$insert_id"));
        latest.insert(identity, event);
    }
    let is_visible = |event: &Value| event["properties"]["driftless_deleted"] != Value::Bool(true);
    Ok(latest.values().filter(|event| is_visible(event)).map(seen).collect())
}

/// Where ids were joined, the export gives another distinct_id than the one that was sent, and that one beside it.
fn as_it_was_sent(event: &mut Value) {
    if let Some(properties) = event["properties"].as_object_mut()
        && let Some(sent) = properties.remove("$distinct_id_before_identity")
    {
        properties.insert("distinct_id".to_string(), sent);
    }
}

fn day(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|t| t.strftime("%Y-%m-%d").to_string())
        .unwrap_or_else(|_| "1971-01-01".to_string())
}

/// Event and properties in one spelling. What the server adds, or keeps for itself, is left out.
pub(super) fn seen(event: &Value) -> Seen {
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
    let time_ms = event["properties"]["time"].as_i64().unwrap_or(0);
    let name = event["event"].as_str().unwrap_or_default().to_string();
    Seen {
        text,
        event: name,
        insert_id: event["properties"]["$insert_id"].as_str().unwrap_or_default().to_string(),
        time_ms,
    }
}
