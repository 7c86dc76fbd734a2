use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::EventsConfig;
use driftless_core::mapping::technical_columns;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::answer::read_answer;
use super::event_encoder::{EventEncoder, close};
use super::limits::{EVENT_NAMES, EVENTS_PER_REQUEST, HOT_SHARD_EVENTS, REQUEST_BYTES, TEXT_MAX};
use super::target::MixpanelTarget;
use crate::event_parts::EventMapping;
use crate::gzip::{gunzip, gzip};
use crate::json::write_string;

/// Events of one sync at one Mixpanel project.
pub struct MixpanelEvents {
    target: MixpanelTarget,
    mapping: Arc<EventMapping>,
}

impl MixpanelEvents {
    /// Fails if the time zone is unknown.
    pub fn new(target: MixpanelTarget, events: EventsConfig) -> Result<Self, String> {
        Ok(Self { target, mapping: Arc::new(EventMapping::new(events)?) })
    }
}

impl Destination for MixpanelEvents {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: EVENTS_PER_REQUEST,
            bytes_max: REQUEST_BYTES,
            hot_shard_rows: HOT_SHARD_EVENTS,
            event_names_max: EVENT_NAMES,
            text_max: TEXT_MAX,
            bytes_min: 0,
        }
    }

    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        self.target.time_bounds(now_ms)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(EventEncoder::new(self.mapping.clone(), self.target.id_merge, technical_columns(lock)))
    }

    fn tombstone(&self, identity: &Identity, _: &SchemaLock, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"event\":");
        write_string(&identity.event, out);
        out.extend_from_slice(format!(",\"properties\":{{\"time\":{},\"distinct_id\":", identity.time_ms).as_bytes());
        write_string(&identity.distinct_id, out);
        out.extend_from_slice(b",\"ip\":0,\"driftless_deleted\":true");
        close(&identity.insert_id, out);
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        gzip(lines, out);
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        gunzip(body, bytes)
    }

    fn notes(&self) -> Notes {
        Notes {
            identity_change: "each costs a tombstone and a new event, because Mixpanel cannot change these of an event",
            delete: Some(
                "are sent as tombstones (driftless_deleted: true), because Mixpanel has no public delete of one event; filter them out in reports",
            ),
            event_names: "Mixpanel takes them but no longer lists them",
            hot_shard: "have more than 200,000 events on one day: Mixpanel hides what is over; send events of systems without a user id",
        }
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
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
