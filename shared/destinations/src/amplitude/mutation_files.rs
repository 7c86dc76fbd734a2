use std::sync::Arc;

use bytes::Bytes;
use driftless_core::config::{EventsConfig, MutationColumn, MutationFilesConfig, ProfilesConfig, amplitude_name};
use driftless_core::mapping::technical_columns;
use driftless_core::model::{Identity, SchemaLock, hex_of};
use driftless_core::ports::{
    BatchLimits, Delivery, Destination, Notes, PayloadName, Request, Response, RowEncoder, SignIn, TransportError,
};
use driftless_core::protocol::limits::REQUEST_TIMEOUT_MS;

use super::event_encoder::{EventEncoder, Names};
use super::events::EVENT_NOTES;
use super::ids::IdRules;
use super::limits::{EVENT_NAMES, MUTATION_FILE_BYTES, MUTATION_FILE_BYTES_MIN, MUTATION_FILE_ROWS, TEXT_MAX};
use super::profile_file_encoder::{ProfileFileEncoder, write_profile_delete};
use crate::answers::response_of;
use crate::event_parts::EventMapping;
use crate::gzip::{gunzip, gzip};

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// Where a destination's mutation files go and how often.
struct Files {
    name: String,
    config: MutationFilesConfig,
}

impl Files {
    fn limits(&self) -> BatchLimits {
        BatchLimits {
            lines_max: MUTATION_FILE_ROWS,
            bytes_max: MUTATION_FILE_BYTES,
            hot_shard_rows: u64::MAX,
            event_names_max: EVENT_NAMES,
            text_max: TEXT_MAX,
            bytes_min: MUTATION_FILE_BYTES_MIN,
        }
    }

    fn rest_ms(&self) -> i64 {
        i64::from(self.config.window_minutes) * MINUTE_MS
    }

    /// The same payload goes to the same name, which Amplitude reads once; another payload never does, even if the state
    /// was lost and runs are counted from 1 again.
    fn request(&self, name: PayloadName<'_>, body: Bytes) -> Request {
        let digest = hex_of(&blake3::hash(&body).as_bytes()[..8]);
        let file = format!("{}-{}-{:06}-{digest}.json.gz", name.sync, name.run, name.batch);
        Request {
            destination: self.name.clone(),
            method: "PUT",
            url: format!("{}/{file}", self.config.to.trim_end_matches('/')),
            headers: Vec::new(),
            body,
            sign_in: SignIn::Object,
            timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }

    fn read(&self, answer: Result<Response, TransportError>) -> Delivery {
        match response_of(answer) {
            Err(delivery) => delivery,
            Ok(response) if response.status == 200 => Delivery::Accepted,
            Ok(response) if response.status == 403 => Delivery::Halt {
                cause: format!("writing mutation files to {} is not allowed", self.config.to),
                remedy: "let deliver write there (s3:PutObject), then run driftless sync".into(),
            },
            Ok(response) => Delivery::Ambiguous { cause: format!("status {} of {}", response.status, self.config.to) },
        }
    }

    fn name_of(&self, column: MutationColumn) -> String {
        self.config.columns.get(&column).cloned().unwrap_or_else(|| amplitude_name(column))
    }
}

/// Inserts, updates and deletes of events, as files that Amplitude's S3 Mirror Sync reads
/// (amplitude.com/docs/data/source-catalog/amazon-s3, 2026-03-13).
///
/// Amplitude finds the event of an UPDATE or DELETE by user, insert_id and time together. It may apply what it reads
/// within one sync window in any order, so a run has at most one operation of an identity, an identity that was deleted
/// never comes back (its row gets a new insert_id), and runs are a window apart.
pub struct AmplitudeEventFiles {
    files: Files,
    mapping: Arc<EventMapping>,
    names: Arc<Names>,
}

impl AmplitudeEventFiles {
    /// Fails if the time zone is unknown.
    pub fn new(destination: &str, config: MutationFilesConfig, events: EventsConfig) -> Result<Self, String> {
        Ok(Self {
            names: Arc::new(Names::of_files(&config)),
            files: Files { name: destination.to_string(), config },
            mapping: Arc::new(EventMapping::new(events)?),
        })
    }
}

impl Destination for AmplitudeEventFiles {
    fn limits(&self) -> BatchLimits {
        self.files.limits()
    }

    fn time_bounds(&self, now_ms: i64) -> (i64, i64) {
        (0, now_ms)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        let hidden = technical_columns(lock);
        Box::new(EventEncoder::new(self.mapping.clone(), hidden, self.names.clone(), IdRules::fixed()))
    }

    fn tombstone(&self, identity: &Identity, _: &SchemaLock, out: &mut Vec<u8>) {
        self.names.open(&identity.event, identity.time_ms, out);
        super::event_encoder::push_part(&self.names.user_id, &identity.distinct_id, out);
        self.names.close(&identity.insert_id, "DELETE", out);
    }

    fn revives_identities(&self) -> bool {
        false
    }

    fn rest_ms(&self) -> i64 {
        self.files.rest_ms()
    }

    fn notes(&self) -> Notes {
        EVENT_NOTES
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        gzip(lines, out);
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        gunzip(body, bytes)
    }

    fn request(&self, name: PayloadName<'_>, body: Bytes) -> Request {
        self.files.request(name, body)
    }

    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        self.files.read(answer)
    }
}

/// Inserts, updates and deletes of Amplitude's profiles, as mutation files
/// (amplitude.com/docs/data/profiles, 2026-03-13: user_id, mutation_type, and any property columns).
pub struct AmplitudeProfileFiles {
    files: Files,
    profiles: Arc<ProfilesConfig>,
    user_id: String,
    mutation_type: String,
}

impl AmplitudeProfileFiles {
    /// Of the profiles of users.
    pub fn new(destination: &str, config: MutationFilesConfig, profiles: ProfilesConfig) -> Self {
        let files = Files { name: destination.to_string(), config };
        Self {
            user_id: files.name_of(MutationColumn::UserId),
            mutation_type: files.name_of(MutationColumn::MutationType),
            files,
            profiles: Arc::new(profiles),
        }
    }
}

impl Destination for AmplitudeProfileFiles {
    fn limits(&self) -> BatchLimits {
        self.files.limits()
    }

    fn time_bounds(&self, _: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn encoder(&self, lock: &SchemaLock) -> Box<dyn RowEncoder> {
        let names = (self.user_id.clone(), self.mutation_type.clone());
        Box::new(ProfileFileEncoder::new(self.profiles.clone(), lock, names))
    }

    fn tombstone(&self, identity: &Identity, _: &SchemaLock, out: &mut Vec<u8>) {
        write_profile_delete(&self.user_id, &self.mutation_type, &identity.distinct_id, out);
    }

    fn rest_ms(&self) -> i64 {
        self.files.rest_ms()
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }

    fn compress(&self, lines: &[u8], out: &mut Vec<u8>) {
        gzip(lines, out);
    }

    fn decompress(&self, body: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
        gunzip(body, bytes)
    }

    fn request(&self, name: PayloadName<'_>, body: Bytes) -> Request {
        self.files.request(name, body)
    }

    fn read(&self, _: u32, answer: Result<Response, TransportError>) -> Delivery {
        self.files.read(answer)
    }
}
