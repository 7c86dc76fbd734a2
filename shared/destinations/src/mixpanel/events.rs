use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::EventsConfig;
use driftless_core::mapping::{TimeZoneRule, technical_columns};
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::answer::read_answer;
use super::event_encoder::{EventEncoder, close};
use super::json::write_string;
use super::limits::{EVENT_NAMES, EVENTS_PER_REQUEST, HOT_SHARD_EVENTS, OLDEST_TIME_MS, REQUEST_BYTES};
use super::target::MixpanelTarget;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

pub(super) struct Mapping {
    pub events: EventsConfig,
    pub time_rule: TimeZoneRule,
}

/// Events of one sync at one Mixpanel project.
pub struct MixpanelEvents {
    target: MixpanelTarget,
    mapping: Arc<Mapping>,
}

impl MixpanelEvents {
    /// Fails if the time zone is unknown.
    pub fn new(target: MixpanelTarget, events: EventsConfig) -> Result<Self, String> {
        let rule = match &events.time.timezone {
            Some(zone) => TimeZoneRule::named(zone)?,
            None => TimeZoneRule::utc(),
        };
        let time_rule = rule.with_unit(events.time.unit);
        Ok(Self { target, mapping: Arc::new(Mapping { events, time_rule }) })
    }
}

impl Destination for MixpanelEvents {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: EVENTS_PER_REQUEST,
            bytes_max: REQUEST_BYTES,
            hot_shard_rows: HOT_SHARD_EVENTS,
            event_names_max: EVENT_NAMES,
        }
    }

    /// From 1971 or the project's retention, up to now: a time in the next hour would be overwritten on arrival and the
    /// event would then never be found again, a later one is refused.
    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        let retained = self.target.retention_days.map_or(OLDEST_TIME_MS, |days| now_ms - i64::from(days) * DAY_MS);
        (retained.max(OLDEST_TIME_MS), now_ms)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(EventEncoder::new(self.mapping.clone(), technical_columns(lock)))
    }

    fn tombstone(&self, identity: &Identity, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"event\":");
        write_string(&identity.event, out);
        out.extend_from_slice(format!(",\"properties\":{{\"time\":{},\"distinct_id\":", identity.time_ms).as_bytes());
        write_string(&identity.distinct_id, out);
        out.extend_from_slice(b",\"ip\":0,\"driftless_deleted\":true");
        close(&identity.insert_id, out);
    }

    /// gzip level 1: the same bytes for the same lines, and a quarter of the time of level 6.
    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        out.reserve(lines.len() / 3);
        let mut encoder = GzEncoder::new(out, Compression::new(1));
        // Writing to memory cannot fail.
        let _ = encoder.write_all(lines).and_then(|()| encoder.try_finish());
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        let mut lines = Vec::with_capacity(bytes as usize);
        GzDecoder::new(body).take(bytes + 1).read_to_end(&mut lines).map_err(|e| e.to_string())?;
        Ok(lines)
    }

    fn request(&self, body: Bytes) -> Request {
        let project = self.target.project_id.as_ref().map(|id| format!("&project_id={id}")).unwrap_or_default();
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/import?strict=1{project}", self.target.url),
            headers: vec![
                ("content-type", "application/x-ndjson".to_string()),
                ("content-encoding", "gzip".to_string()),
                ("accept", "application/json".to_string()),
            ],
            body,
            sign_in: SignIn::Basic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        read_answer(lines, answer)
    }
}
