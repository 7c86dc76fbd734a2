use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{
    Request, Response, SignIn, Transport, TransportError, array_with_token, events_with_key, form_with_key,
};
use driftless_sandbox::amplitude::identify::{Identification, Route, identify};
use driftless_sandbox::amplitude::project::Project as AmplitudeProject;
use driftless_sandbox::amplitude::throttle::Throttle;
use driftless_sandbox::amplitude::{batch, mutation_file};
use driftless_sandbox::mixpanel::dedupe::{IdentityKey, identity};
use driftless_sandbox::mixpanel::import::{Answer, ImportRequest, Project, import};
use driftless_sandbox::mixpanel::profile::{ProfileChange, ProfileKey, ProfileRoute, ProfileUpdate, profiles};
use driftless_sandbox::mixpanel::validate::ValidEvent;
use driftless_testkit::simulation::{Fault, World};
use serde_json::{Map, Value, json};

/// Retention of the simulated project: it refuses events of 1999.
pub const RETENTION_DAYS: u32 = 3_650;
/// How late a request may land (F27).
const LATE_MS: u64 = 42_000;
/// How often the simulated Amplitude reads the files that lie there: the sync's window.
const WINDOW_MS: i64 = 60_000;
/// 2001: the simulated project refuses updates of profiles that say they are older.
const REFUSED_BEFORE_MS: i64 = 978_307_200_000;

/// A Mixpanel project, with faults F24 to F29.
#[derive(Clone)]
pub struct SimSink {
    world: World,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    late: Vec<(i64, Landing)>,
    profiles: BTreeMap<ProfileKey, Map<String, Value>>,
    latest: BTreeMap<IdentityKey, ValidEvent>,
    newest_version: BTreeMap<String, i64>,
    order_broken: Option<String>,
    landed: u64,
    redundant: u64,
    amplitude: AmplitudeProject,
    /// Files that lie there: when they came, name, bytes.
    files: Vec<(i64, String, Bytes)>,
    /// Decides in which order the files of a window are read.
    shuffle: u64,
}

/// What one request brings.
#[derive(Clone)]
enum Landing {
    Events(Vec<ValidEvent>),
    Profiles(Vec<ProfileUpdate>),
    AmplitudeEvents(Vec<Map<String, Value>>),
    Properties(Vec<Identification>),
    File(String, Bytes),
}

/// What the sink saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The latest copy of each identity that is not a tombstone.
    pub visible: Vec<ValidEvent>,
    /// A change that landed after a newer one of its key.
    pub order_broken: Option<String>,
    /// Events that landed.
    pub landed: u64,
    /// Of these, events that were there already, to the letter.
    pub redundant: u64,
}

impl SimSink {
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), inside: Arc::default() }
    }

    pub fn seen(&self) -> Seen {
        let mut inside = self.inside.lock().unwrap();
        inside.land_late(i64::MAX);
        inside.read_files(i64::MAX);
        Seen {
            visible: inside
                .latest
                .values()
                .filter(|event| !event.is_deleted())
                .cloned()
                .chain(inside.profiles.iter().map(|(key, properties)| as_event(key, properties)))
                .chain(inside.amplitude.events().map(|stored| from_amplitude(&stored.event)))
                .chain(inside.amplitude.properties.iter().filter(|(_, values)| !values.is_empty()).map(
                    |(owner, properties)| {
                        let key = ProfileKey { group_key: owner.group_type.clone(), id: owner.id.clone() };
                        as_event(&key, properties)
                    },
                ))
                .collect(),
            order_broken: inside.order_broken.clone(),
            landed: inside.landed,
            redundant: inside.redundant,
        }
    }
}

impl Inside {
    fn land_late(&mut self, now_ms: i64) {
        self.late.sort_by_key(|(at_ms, _)| *at_ms);
        while self.late.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            let (at_ms, landing) = self.late.remove(0);
            self.read_files(at_ms);
            self.land(landing, at_ms);
        }
    }

    /// Reads the files of every window that is over, those of one window in any order.
    fn read_files(&mut self, now_ms: i64) {
        while let Some(first) = self.files.iter().map(|(at_ms, _, _)| at_ms / WINDOW_MS).min() {
            if first >= now_ms / WINDOW_MS && now_ms != i64::MAX {
                return;
            }
            let (mut window, later): (Vec<_>, Vec<_>) =
                self.files.drain(..).partition(|(at_ms, _, _)| at_ms / WINDOW_MS == first);
            self.files = later;
            while !window.is_empty() {
                self.shuffle =
                    self.shuffle.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (at_ms, name, bytes) = window.swap_remove((self.shuffle >> 33) as usize % window.len());
                self.read_file(&name, &bytes, at_ms);
            }
        }
    }

    fn read_file(&mut self, name: &str, bytes: &[u8], at_ms: i64) {
        if self.amplitude.files.contains(name) {
            return;
        }
        let (mutations, _) = mutation_file::read(bytes).expect("a file that can be read");
        for mutation in mutations {
            self.landed += 1;
            if let Some(properties) = mutation.row.get("event_properties") {
                self.note_order(&properties["k"].to_string(), properties.get("stamp"));
            }
        }
        self.amplitude.read_file(name, bytes, at_ms).expect("it was read before");
        let counts = self.amplitude.file_counts;
        if counts.unmatched + counts.dropped > 0 {
            self.order_broken = Some(format!("file {name}: rows that find no event, or do not count: {counts:?}"));
        }
    }

    fn land(&mut self, landing: Landing, now_ms: i64) {
        match landing {
            Landing::AmplitudeEvents(events) => {
                self.landed += events.len() as u64;
                let known = self.amplitude.duplicates;
                self.amplitude.take_events(events, now_ms);
                self.redundant += self.amplitude.duplicates - known;
            }
            Landing::Properties(all) => {
                for one in all {
                    self.landed += 1;
                    let before = self.amplitude.properties.get(&one.owner).cloned();
                    self.amplitude.identify(std::slice::from_ref(&one));
                    let after = self.amplitude.properties.get(&one.owner).cloned();
                    self.redundant += u64::from(before == after);
                    self.note_order(&one.owner.id, one.set.get("stamp"));
                }
            }
            Landing::File(name, bytes) => self.files.push((now_ms, name, bytes)),
            Landing::Events(events) => self.land_events(events),
            Landing::Profiles(updates) => self.land_profiles(updates),
        }
    }

    fn note_order(&mut self, key: &str, version: Option<&Value>) {
        let Some(version) = version.and_then(Value::as_i64) else { return };
        let newest = self.newest_version.entry(key.to_string()).or_insert(version);
        if version < *newest {
            self.order_broken = Some(format!("{key}: version {version} landed after {newest}"));
        }
        *newest = version.max(*newest);
    }

    fn land_profiles(&mut self, updates: Vec<ProfileUpdate>) {
        let mut cleared: Option<ProfileKey> = None;
        for update in updates {
            self.landed += 1;
            let old = self.profiles.remove(&update.key);
            let new = update.apply(old.clone());
            if let ProfileChange::Set(set) = &update.change {
                // Clearing and setting are two lines of one change.
                self.redundant += u64::from(old == new && cleared.as_ref() != Some(&update.key));
                self.note_order(&update.key.id, set.get("stamp"));
            }
            cleared = matches!(update.change, ProfileChange::Unset(_)).then(|| update.key.clone());
            if let Some(new) = new {
                self.profiles.insert(update.key, new);
            }
        }
    }

    fn land_events(&mut self, events: Vec<ValidEvent>) {
        for event in events {
            self.landed += 1;
            if let Some(key) = event.properties.get("k") {
                self.note_order(&key.to_string(), event.properties.get("stamp"));
            }
            let old = self.latest.insert(identity(&event), event.clone());
            self.redundant += u64::from(old.is_some_and(|old| old == event));
        }
    }
}

#[async_trait]
impl Transport for SimSink {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.world.point().await;
        let now_ms = self.world.now_ms();
        {
            let mut inside = self.inside.lock().unwrap();
            inside.land_late(now_ms);
            inside.read_files(now_ms);
            if inside.shuffle == 0 {
                inside.shuffle = self.world.draw(u64::from(u32::MAX)) + 1;
            }
        }
        let response =
            |status: u16, body: &str| Ok(Response { status, retry_after_s: None, body: Bytes::from(body.to_string()) });
        if self.world.strikes(Fault::SlowDown) {
            // Some of Amplitude's answers name who has to wait.
            return response(429, ["{}", "{\"throttled_events\":[0]}"][self.world.draw(2) as usize]);
        }
        if self.world.strikes(Fault::ServerError) {
            return response(503, "<html>busy</html>");
        }
        let (answer, landing) = match request.sign_in {
            SignIn::Basic => imported(&request, now_ms),
            SignIn::TokenInEach(_) => updated(&request),
            SignIn::ApiKeyInBody { min_id_length } => batched(&request, min_id_length, now_ms),
            SignIn::ApiKeyInForm(name) => identified(&request, name),
            SignIn::Object => put(&request),
            SignIn::ApiKeyBasic => unreachable!("no lookup table is simulated"),
        };
        if answer.events > 1 && self.world.strikes(Fault::TooLarge) {
            return response(413, "{}");
        }
        if self.world.strikes(Fault::LandsLate) {
            let at_ms = now_ms + 30_000 + self.world.draw(LATE_MS) as i64;
            self.inside.lock().unwrap().late.push((at_ms, landing));
            self.world.point().await;
            self.world.sleep(30_000).await;
            return Err(TransportError::Ambiguous("timed out".into()));
        }
        self.inside.lock().unwrap().land(landing, now_ms);
        self.world.point().await;
        if self.world.strikes(Fault::AppliedNoAnswer) {
            return Err(TransportError::Ambiguous("timed out".into()));
        }
        Ok(Response {
            status: answer.status,
            retry_after_s: answer.retry_after_s,
            body: Bytes::from(answer.body.to_string()),
        })
    }
}

fn imported(request: &Request, now_ms: i64) -> (Answer, Landing) {
    let query: Vec<(String, String)> = vec![("strict".into(), "1".into())];
    let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
    let mut events = Vec::new();
    let project = Project { retention_days: Some(RETENTION_DAYS), ..Project::open() };
    let request = ImportRequest {
        query: &query,
        content_type: header("content-type"),
        content_encoding: header("content-encoding"),
        authorization: Some("Basic dG9rZW46"),
        body: &request.body,
    };
    let answer = import(&project, request, now_ms, &mut |event| events.push(event), &mut |_| ());
    (answer, Landing::Events(events))
}

/// Takes what is valid. What the project refuses, updates of 1999, is not named: the sender has to find it.
fn updated(request: &Request) -> (Answer, Landing) {
    let SignIn::TokenInEach(name) = request.sign_in else { unreachable!("told by the caller") };
    let body = array_with_token(name, "token", &request.body);
    let is_groups = request.url.contains("/groups?");
    let route = if is_groups { ProfileRoute::Groups } else { ProfileRoute::Users };
    let query = vec![("verbose".to_string(), "1".to_string())];
    let mut updates = Vec::new();
    let mut answer = profiles(route, &query, Some("application/json"), None, &body, &mut |update| updates.push(update));
    let sent = updates.len();
    updates.retain(|update| match &update.change {
        ProfileChange::Set(set) => set.get("at").and_then(Value::as_i64).is_none_or(|at| at >= REFUSED_BEFORE_MS),
        _ => true,
    });
    if updates.len() < sent {
        answer.body = json!({ "status": 0, "error": "some data points in the request failed validation" });
    }
    (answer, Landing::Profiles(updates))
}

/// Takes all or nothing: an event of 1999 refuses the whole request, by name.
fn batched(request: &Request, min_id_length: Option<u32>, now_ms: i64) -> (Answer, Landing) {
    let body = events_with_key("key", min_id_length, &request.body);
    let (mut answer, taken) = batch::batch(Some("application/json"), None, &body, &mut Throttle::default(), now_ms);
    let mut events = taken.map(|taken| taken.events).unwrap_or_default();
    let is_old = |event: &Map<String, Value>| event["time"].as_i64().is_some_and(|at| at < REFUSED_BEFORE_MS);
    let old: Vec<usize> = (0..events.len()).filter(|n| is_old(&events[*n])).collect();
    if !old.is_empty() {
        answer.status = 400;
        answer.body = json!({ "code": 400, "events_with_invalid_fields": { "time": old } });
        events.clear();
    }
    (answer, Landing::AmplitudeEvents(events))
}

/// Takes all or nothing, and names nothing.
fn identified(request: &Request, name: &str) -> (Answer, Landing) {
    let body = form_with_key(name, "key", &request.body);
    let (mut answer, taken) = identify(Route::Groups, Some("application/x-www-form-urlencoded"), body.as_bytes());
    let mut all = taken.map(|(_, all)| all).unwrap_or_default();
    let is_old =
        |one: &Identification| one.set.get("at").and_then(Value::as_i64).is_some_and(|at| at < REFUSED_BEFORE_MS);
    if all.iter().any(is_old) {
        answer.status = 400;
        answer.body = json!({ "code": 400, "error": "invalid identification" });
        all.clear();
    }
    (answer, Landing::Properties(all))
}

fn put(request: &Request) -> (Answer, Landing) {
    let answer = Answer { status: 200, body: Value::Null, retry_after_s: None, events: 0 };
    (answer, Landing::File(request.url.clone(), request.body.clone()))
}

/// An event of Amplitude in the words of the check.
fn from_amplitude(event: &Map<String, Value>) -> ValidEvent {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    ValidEvent {
        event: text("event_type"),
        distinct_id: text("user_id"),
        time_ms: event.get("time").and_then(Value::as_i64).unwrap_or(0),
        insert_id: text("insert_id"),
        properties: event.get("event_properties").and_then(Value::as_object).cloned().unwrap_or_default(),
    }
}

/// A profile in the words of the check.
fn as_event(key: &ProfileKey, properties: &Map<String, Value>) -> ValidEvent {
    let text = |name: &str| properties.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let mut properties_and_key = properties.clone();
    properties_and_key.insert("k".to_string(), json!(key.id));
    ValidEvent {
        event: text("event"),
        distinct_id: text("user"),
        time_ms: properties.get("at").and_then(Value::as_i64).unwrap_or(0),
        insert_id: key.id.clone(),
        properties: properties_and_key,
    }
}
