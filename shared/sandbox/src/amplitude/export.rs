//! `GET /api/2/export`: events by the hour of their arrival, as a zip of gzipped JSON lines.
//!
//! Source: `amplitude.com/docs/apis/analytics/export`, read on 2026-03-13. Field names are not those of the ingestion.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::project::{Project, StoredEvent};

/// The zip; `None` if nothing arrived in these hours, which Amplitude answers with 404. Hours are `20260131T09`, both
/// inclusive.
pub fn export(project: &Project, start: &str, end: &str) -> Result<Option<Vec<u8>>, String> {
    let bound = |hour: &str| {
        let (day, hour) = hour.split_once('T').ok_or("hours are YYYYMMDDTHH")?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if day.len() == 8 && hour.len() == 2 && digits(day) && digits(hour) {
            Ok(format!("{day}T{hour}"))
        } else {
            Err("hours are YYYYMMDDTHH")
        }
    };
    let (start, end) = (bound(start)?, bound(end)?);
    let mut hours: BTreeMap<String, String> = BTreeMap::new();
    for stored in project.events() {
        let hour = format_at(stored.received_ms, "%Y%m%dT%H");
        if hour >= start && hour <= end {
            let lines = hours.entry(hour).or_default();
            lines.push_str(&Value::Object(exported(stored)).to_string());
            lines.push('\n');
        }
    }
    if hours.is_empty() {
        return Ok(None);
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (hour, lines) in hours {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = gzip.write_all(lines.as_bytes()).and_then(|()| gzip.finish()).map_err(|e| e.to_string())?;
        let (day, hour) = hour.split_once('T').unwrap_or_default();
        let name = format!("1/1_{}-{}-{}_{}#0.json.gz", &day[..4], &day[4..6], &day[6..], hour.trim_start_matches('0'));
        zip.start_file(name, SimpleFileOptions::default()).map_err(|e| e.to_string())?;
        zip.write_all(&packed).map_err(|e| e.to_string())?;
    }
    Ok(Some(zip.finish().map_err(|e| e.to_string())?.into_inner()))
}

fn format_at(at_ms: i64, format: &str) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

fn exported(stored: &StoredEvent) -> Map<String, Value> {
    let mut row = Map::new();
    for (name, value) in &stored.event {
        let name = match name.as_str() {
            "insert_id" => "$insert_id",
            "app_version" => "version_name",
            "carrier" => "device_carrier",
            "ip" => "ip_address",
            "time" | "$skip_user_properties_sync" => continue,
            name => name,
        };
        row.insert(name.to_owned(), value.clone());
    }
    let time = stored.event.get("time").and_then(Value::as_i64).unwrap_or(0);
    for (name, at_ms) in [("event_time", time), ("client_event_time", time), ("server_upload_time", stored.received_ms)]
    {
        row.insert(name.to_owned(), json!(format_at(at_ms, "%Y-%m-%d %H:%M:%S%.6f")));
    }
    row
}
