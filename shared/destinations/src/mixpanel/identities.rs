use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::IdentitiesConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::answer::read_answer;
use super::array::{lines_of, write_array};
use super::identity_encoder::IdentityEncoder;
use super::limits::{EVENTS_PER_REQUEST, REQUEST_BYTES, TEXT_MAX};
use super::target::MixpanelTarget;

/// Which device is whose, at a Mixpanel project with Original ID merge: a `$merge` of two ids for each pair
/// (docs.mixpanel.com/reference/identity-merge, 2026-08-21). It is not billed, may be applied twice, and cannot be undone.
/// The page's schema has a token beside the ids; with a service account Mixpanel's own Go library sends none
/// (github.com/mixpanel/mixpanel-go, 2026-08), nor is one sent here.
pub struct MixpanelIdentities {
    target: MixpanelTarget,
    config: Arc<IdentitiesConfig>,
}

impl MixpanelIdentities {
    /// Of a sync.
    pub fn new(target: MixpanelTarget, config: IdentitiesConfig) -> Self {
        Self { target, config: Arc::new(config) }
    }
}

impl Destination for MixpanelIdentities {
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

    fn time_bounds(&self, _: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn encoder(&self, _: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(IdentityEncoder::new(self.config.clone()))
    }

    /// No mode of this kind deletes.
    fn tombstone(&self, _: &Identity, _: &SchemaLock, _: &mut Vec<u8>) {}

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        write_array(lines, out);
    }

    fn decompress(&self, body: &[u8], _: u64) -> Result<Vec<u8>, String> {
        lines_of(body)
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let project = self.target.project_id.as_ref().map(|id| format!("&project_id={id}")).unwrap_or_default();
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/import?strict=1{project}", self.target.url),
            headers: vec![("content-type", "application/json".to_string()), ("accept", "application/json".to_string())],
            body,
            sign_in: SignIn::Basic,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        read_answer(lines, answer)
    }
}
