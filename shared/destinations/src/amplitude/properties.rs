use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::ProfilesConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;
use serde_json::Value;

use super::limits::{IDENTIFIES_PER_REQUEST, IDENTIFY_BYTES, IDENTIFY_WAIT_MS, TEXT_MAX, value_rules};
use super::property_encoder::{PropertyEncoder, UNSET, write_owner};
use super::status::{error_of, read_status, refused_credentials};
use super::target::AmplitudeTarget;
use crate::profile_columns::{ProfileColumns, push_names};

/// Properties of users (`/identify`) or groups (`/groupidentify`) of one sync at one Amplitude project
/// (amplitude.com/docs/apis/analytics/identify, /group-identify, 2026-03-13).
///
/// They are not billed and may be applied twice. Nothing says which of two that are under way at once is the later, so
/// runs never overlap. Amplitude deletes no user by it: a delete unsets the properties that the sync sets.
pub struct AmplitudeProperties {
    target: AmplitudeTarget,
    config: Arc<ProfilesConfig>,
}

impl AmplitudeProperties {
    /// Of groups if the mapping has a group key, else of users.
    pub fn new(target: AmplitudeTarget, config: ProfilesConfig) -> Self {
        Self { target, config: Arc::new(config) }
    }
}

impl Destination for AmplitudeProperties {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: IDENTIFIES_PER_REQUEST,
            bytes_max: IDENTIFY_BYTES,
            hot_shard_rows: u64::MAX,
            event_names_max: usize::MAX,
            text_max: TEXT_MAX,
            bytes_min: 0,
        }
    }

    fn time_bounds(&self, _: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        Box::new(PropertyEncoder::new(self.config.clone(), lock))
    }

    fn tombstone(&self, identity: &Identity, lock: &SchemaLock, out: &mut Vec<u8>) {
        write_owner(&self.config, &identity.distinct_id, out);
        out.extend_from_slice(b"\"$unset\":{");
        let properties = ProfileColumns::new(self.config.clone(), value_rules(), lock).properties(&[]);
        push_names(properties.iter().map(|(property, _)| property.as_str()), UNSET, out);
        out.extend_from_slice(b"}}}\n");
    }

    fn notes(&self) -> Notes {
        Notes {
            identity_change: "each unsets the properties of one user or group and sets those of another",
            delete: Some("unset the properties that this sync sets: Amplitude keeps the user or group itself"),
            ..Notes::default()
        }
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(lines);
    }

    fn decompress(&self, body: &[u8], _: u64) -> Result<Vec<u8>, String> {
        Ok(body.to_vec())
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let route = if self.config.group_key.is_some() { "groupidentify" } else { "identify" };
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/{route}", self.target.ingestion_url),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_string())],
            body,
            sign_in: SignIn::ApiKeyInForm("identification"),
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    /// The body of a success is not documented; a 400 names no identification, so that halves are sent until one is left.
    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        let response = match read_status(answer) {
            Ok(response) => response,
            Err(delivery) => return delivery,
        };
        match response.status {
            400 => {
                let body: Option<Value> = serde_json::from_slice(&response.body).ok();
                let text = String::from_utf8_lossy(&response.body);
                let is_about_key = text.to_lowercase().contains("api_key") || text.to_lowercase().contains("api key");
                if is_about_key { refused_credentials() } else { Delivery::Split { reason: error_of(body.as_ref()) } }
            }
            429 => Delivery::RetryAfter {
                wait_ms: Some(IDENTIFY_WAIT_MS),
                cause: "Amplitude asks to slow down (429)".into(),
            },
            _ => Delivery::Accepted,
        }
    }
}
