use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::EventsConfig;
use driftless_core::mapping::technical_columns;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::event_answer::read_event_answer;
use super::event_encoder::{EventEncoder, Names};
use super::ids::IdRules;
use super::limits::{
    DEDUPE_WINDOW_MS, EVENT_NAMES, EVENTS_PER_REQUEST, EVENTS_PER_USER_AND_DAY, REQUEST_BYTES, TEXT_MAX,
};
use super::target::AmplitudeTarget;
use crate::event_parts::EventMapping;

/// New events of one sync, through the batch API
/// (amplitude.com/docs/apis/analytics/batch-event-upload, 2026-03-13). What was sent cannot be changed or deleted by it.
pub struct AmplitudeEvents {
    target: AmplitudeTarget,
    mapping: Arc<EventMapping>,
    names: Arc<Names>,
}

impl AmplitudeEvents {
    /// Fails if the time zone is unknown.
    pub fn new(target: AmplitudeTarget, events: EventsConfig) -> Result<Self, String> {
        Ok(Self { target, mapping: Arc::new(EventMapping::new(events)?), names: Arc::new(Names::of_api()) })
    }
}

/// What plans tell of events at Amplitude.
pub(super) const EVENT_NOTES: Notes = Notes {
    identity_change: "each deletes the old event and inserts a new one, because Amplitude finds an event by these",
    delete: None,
    event_names: "Amplitude stores and bills them but cannot query those that come later",
    hot_shard: "have more than 500,000 events: Amplitude throttles what is over for a day",
};

impl Destination for AmplitudeEvents {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: EVENTS_PER_REQUEST,
            bytes_max: REQUEST_BYTES,
            hot_shard_rows: EVENTS_PER_USER_AND_DAY,
            event_names_max: EVENT_NAMES,
            text_max: TEXT_MAX,
            bytes_min: 0,
        }
    }

    /// Amplitude states no bounds. What lies in the future is almost always a wrong unit or zone, and could not be
    /// corrected.
    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        (0, now_ms)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        let ids = IdRules::of_api(self.target.min_id_length);
        Box::new(EventEncoder::new(self.mapping.clone(), technical_columns(lock), self.names.clone(), ids))
    }

    /// Only appending modes come here, which delete nothing.
    fn tombstone(&self, _: &Identity, _: &SchemaLock, _: &mut Vec<u8>) {}

    fn dedupe_window_ms(&self) -> Option<i64> {
        Some(DEDUPE_WINDOW_MS)
    }

    fn notes(&self) -> Notes {
        EVENT_NOTES
    }

    /// As it is: the key, which is not staged, goes before it, and the whole is compressed on its way.
    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(lines);
    }

    fn decompress(&self, body: &[u8], _: u64) -> Result<Vec<u8>, String> {
        Ok(body.to_vec())
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/batch", self.target.ingestion_url),
            headers: vec![
                ("content-type", "application/json".to_string()),
                ("content-encoding", "gzip".to_string()),
                ("accept", "*/*".to_string()),
            ],
            body,
            sign_in: SignIn::ApiKeyInBody { min_id_length: self.target.min_id_length },
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        read_event_answer(lines, answer)
    }
}
