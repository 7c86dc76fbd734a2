use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::ProfileHistoryConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::array::{lines_of, write_array};
use super::history_encoder::{HistoryEncoder, close, open, push_property};
use super::limits::{EVENTS_PER_REQUEST, REQUEST_BYTES, TEXT_MAX};
use super::profile_answer::read_profile_answer;
use super::target::MixpanelTarget;
use crate::event_parts::TimeColumn;

/// The history of users' or groups' properties at one Mixpanel project.
///
/// Mixpanel documents no route for it (docs.mixpanel.com/docs/data-structure/user-profiles, 2026-08-21). What is sent is
/// what mixpanel-import sends (its `recordType: scd`, commit 8499494 of 2026-07): a hidden event a row, over `/import`
/// with `strict=0`, as a JSON array that is not compressed. That tool sends no `$insert_id`; here each row has one, so that
/// a row that was sent twice is one. With `strict=0` an answer names no row: it is believed if it counts them all, else
/// halves are sent again until one is left.
pub struct MixpanelHistory {
    target: MixpanelTarget,
    config: Arc<ProfileHistoryConfig>,
    time: Arc<TimeColumn>,
}

impl MixpanelHistory {
    /// Fails if the time zone is unknown.
    pub fn new(target: MixpanelTarget, config: ProfileHistoryConfig) -> Result<Self, String> {
        let time = Arc::new(TimeColumn::new(&config.start_time, "profile_history.start_time")?);
        Ok(Self { target, config: Arc::new(config), time })
    }
}

impl Destination for MixpanelHistory {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: EVENTS_PER_REQUEST,
            bytes_max: REQUEST_BYTES,
            hot_shard_rows: u64::MAX,
            event_names_max: usize::MAX,
            text_max: TEXT_MAX,
            bytes_min: 0,
        }
    }

    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        self.target.time_bounds(now_ms)
    }

    fn encoder(&self, _: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(HistoryEncoder::new(self.config.clone(), self.time.clone()))
    }

    /// Where a history got another name, the properties end in the old one: a row cannot be deleted.
    fn tombstone(&self, identity: &Identity, _: &SchemaLock, out: &mut Vec<u8>) {
        let updated_ms = identity.time_ms;
        open(&self.config, &identity.event, &identity.distinct_id, identity.time_ms, updated_ms, out);
        for name in self.config.properties.keys() {
            push_property(name, b"null", out);
        }
        close(&identity.insert_id, out);
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        write_array(lines, out);
    }

    fn decompress(&self, body: &[u8], _: u64) -> Result<Vec<u8>, String> {
        lines_of(body)
    }

    fn notes(&self) -> Notes {
        Notes {
            identity_change: "each ends the properties in the old row and begins them in a new one",
            ..Notes::default()
        }
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let project = self.target.project_id.as_ref().map(|id| format!("&project_id={id}")).unwrap_or_default();
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/import?ip=0&verbose=1&strict=0{project}", self.target.url),
            headers: vec![("content-type", "application/json".to_string()), ("accept", "application/json".to_string())],
            body,
            sign_in: SignIn::Basic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        read_profile_answer(lines, answer)
    }
}
