use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use driftless_core::config::{AmplitudeConfig, Region};
use driftless_core::ports::Ports;
use driftless_core::protocol::limits::DAY_MS;
use driftless_core::protocol::{Sync, runs};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::Seen;
use crate::cli::Failure;
use crate::project::OpenProject;

/// Bytes of one export file after decompression.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// An event as it is sent.
pub(super) fn sent(event: &Value) -> Seen {
    let time_ms = event["time"].as_i64().unwrap_or(0);
    seen(event, time_ms, &event["insert_id"])
}

/// What the Export API gives back of everything that arrived since the sync's first run, day by day; it is there about
/// two hours after it arrived (amplitude.com/docs/apis/analytics/export, 2026-03-13).
pub(super) async fn there(
    project: &OpenProject,
    sync: &Sync,
    ports: &Ports,
    config: &AmplitudeConfig,
) -> Result<Vec<Seen>, Failure> {
    let host = match (&config.url, config.region) {
        (Some(url), _) => url.trim_end_matches('/'),
        (None, Region::Eu) => "https://analytics.eu.amplitude.com",
        (None, _) => "https://amplitude.com",
    };
    let now_ms = ports.clock.now_ms();
    let history = runs(ports, sync.name(), None).await.map_err(Failure::failed)?;
    let mut from_ms = history.first().map_or(now_ms, |run| run.planned_at_ms);
    let mut latest: BTreeMap<(String, String, i64), Seen> = BTreeMap::new();
    while from_ms <= now_ms {
        let until_ms = (from_ms + DAY_MS - 3_600_000).min(now_ms + 3_600_000);
        let url = format!("{host}/api/2/export?start={}&end={}", hour(from_ms), hour(until_ms));
        let zip = project.http.get_or_absent(&sync.config.destination, &url).await;
        let zip = zip.map_err(|e| Failure::failed(format!("export of {}: {e}", sync.config.destination)))?;
        if let Some(zip) = zip {
            read_zip(&zip.bytes().await?, &mut latest)?;
        }
        from_ms += DAY_MS;
    }
    Ok(latest.into_values().collect())
}

/// Each file of the zip is gzipped JSON lines. What was exported twice counts once.
fn read_zip(bytes: &[u8], latest: &mut BTreeMap<(String, String, i64), Seen>) -> Result<(), Failure> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    for number in 0..zip.len() {
        let mut text = String::new();
        MultiGzDecoder::new(zip.by_index(number)?).take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        for line in text.lines().filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_str(line)?;
            let time_ms =
                time_of(&row["event_time"]).ok_or_else(|| Failure::failed("an exported event has no time"))?;
            let event = seen(&row, time_ms, &row["$insert_id"]);
            let user = row["user_id"].as_str().or(row["device_id"].as_str()).unwrap_or_default().to_string();
            latest.insert((user, event.insert_id.clone(), time_ms), event);
        }
    }
    Ok(())
}

/// What both sides spell alike: name, time, user, and the properties of the event.
fn seen(event: &Value, time_ms: i64, insert_id: &Value) -> Seen {
    let properties = match &event["event_properties"] {
        Value::Object(properties) => properties.iter().collect::<BTreeMap<_, _>>(),
        _ => BTreeMap::new(),
    };
    let user = event["user_id"].as_str().or(event["device_id"].as_str());
    let text = json!([event["event_type"], time_ms, user, properties]).to_string();
    let name = event["event_type"].as_str().unwrap_or_default().to_string();
    Seen { text, event: name, insert_id: insert_id.as_str().unwrap_or_default().to_string(), time_ms }
}

/// `2026-01-31 12:00:00.000000`, with a blank or a T, in UTC.
fn time_of(text: &Value) -> Option<i64> {
    let time: jiff::civil::DateTime = text.as_str()?.replace(' ', "T").parse().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn hour(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%dT%H").to_string()
}
