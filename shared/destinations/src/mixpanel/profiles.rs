use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::ProfilesConfig;
use driftless_core::model::{Identity, SchemaLock};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::limits::{GROUPS_PER_REQUEST, PROFILES_PER_REQUEST, REQUEST_BYTES, TEXT_MAX};
use super::profile_answer::read_profile_answer;
use super::profile_encoder::{ProfileEncoder, write_owner};
use super::target::MixpanelTarget;

/// Profiles of users (`/engage`) or groups (`/groups`) of one sync at one Mixpanel project
/// (docs.mixpanel.com/reference/profile-batch-update, /reference/group-batch-update, 2026-08-21).
///
/// A row is a `$set`, before it a `$unset` of what an older copy may have; a delete is a `$delete`. All of them may be
/// applied twice. Nothing says which of two that are under way at once is the later, so runs never overlap.
pub struct MixpanelProfiles {
    target: MixpanelTarget,
    config: Arc<ProfilesConfig>,
}

impl MixpanelProfiles {
    /// Groups if the mapping has a group key, else users.
    pub fn new(target: MixpanelTarget, config: ProfilesConfig) -> Self {
        Self { target, config: Arc::new(config) }
    }
}

impl Destination for MixpanelProfiles {
    fn limits(&self) -> BatchLimits {
        let lines_max = if self.config.group_key.is_some() { GROUPS_PER_REQUEST } else { PROFILES_PER_REQUEST };
        // The token in each line is not staged; it takes less than what is left of the 10 MB.
        let bytes_max = REQUEST_BYTES - 100 * u64::from(lines_max);
        BatchLimits {
            lines_max,
            bytes_max,
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
        Box::new(ProfileEncoder::new(self.config.clone(), lock))
    }

    fn tombstone(&self, identity: &Identity, _: &SchemaLock, out: &mut Vec<u8>) {
        out.push(b'{');
        write_owner(&self.config, &identity.distinct_id, out);
        if self.config.group_key.is_none() {
            // The profile of this very id, not of the one that it may be an alias of.
            out.extend_from_slice(b",\"$ignore_alias\":true");
        }
        out.extend_from_slice(b",\"$delete\":\"\"}\n");
    }

    /// As it is: these routes take no gzip (docs.mixpanel.com/reference/profile-set, 2026-08-21).
    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(lines);
    }

    fn decompress(&self, body: &[u8], _: u64) -> Result<Vec<u8>, String> {
        Ok(body.to_vec())
    }

    fn notes(&self) -> Notes {
        Notes { identity_change: "each deletes a profile and sets another one", ..Notes::default() }
    }

    fn request(&self, _: PayloadName<'_>, body: Bytes) -> Request {
        let route = if self.config.group_key.is_some() { "groups" } else { "engage" };
        Request {
            destination: self.target.name.clone(),
            method: "POST",
            url: format!("{}/{route}?strict=1&verbose=1", self.target.url),
            headers: vec![("content-type", "application/json".to_string()), ("accept", "application/json".to_string())],
            body,
            sign_in: SignIn::TokenInEach("$token"),
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, lines: u32, answer: Result<Response, TransportError>) -> Delivery {
        read_profile_answer(lines, answer)
    }
}
