use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{Request, Response, Transport, TransportError};
use driftless_sandbox::mixpanel::dedupe::{IdentityKey, identity};
use driftless_sandbox::mixpanel::import::{ImportRequest, Project, import};
use driftless_sandbox::mixpanel::validate::ValidEvent;
use driftless_testkit::simulation::{Fault, World};

/// Retention of the simulated project: it refuses events of 1999.
pub const RETENTION_DAYS: u32 = 3_650;
/// How late a request may land (F27).
const LATE_MS: u64 = 42_000;

/// A Mixpanel project, with faults F24 to F29.
#[derive(Clone)]
pub struct SimSink {
    world: World,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    late: Vec<(i64, Vec<ValidEvent>)>,
    latest: BTreeMap<IdentityKey, ValidEvent>,
    newest_version: BTreeMap<String, i64>,
    order_broken: Option<String>,
    landed: u64,
    redundant: u64,
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
        Seen {
            visible: inside.latest.values().filter(|event| !event.is_deleted()).cloned().collect(),
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
            let (_, events) = self.late.remove(0);
            self.land(events);
        }
    }

    fn land(&mut self, events: Vec<ValidEvent>) {
        for event in events {
            self.landed += 1;
            if let (Some(key), Some(version)) = (event.properties.get("k"), event.properties.get("stamp")) {
                let (key, version) = (key.to_string(), version.as_i64().unwrap_or(0));
                let newest = self.newest_version.entry(key.clone()).or_insert(version);
                if version < *newest {
                    self.order_broken = Some(format!("{key}: version {version} landed after {newest}"));
                }
                *newest = version.max(*newest);
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
        self.inside.lock().unwrap().land_late(now_ms);
        let response =
            |status: u16, body: &str| Ok(Response { status, retry_after_s: None, body: Bytes::from(body.to_string()) });
        if self.world.strikes(Fault::SlowDown) {
            return response(429, "{}");
        }
        if self.world.strikes(Fault::ServerError) {
            return response(503, "<html>busy</html>");
        }
        let query: Vec<(String, String)> = vec![("strict".into(), "1".into())];
        let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        let mut events = Vec::new();
        let project = Project { retention_days: Some(RETENTION_DAYS), ..Project::open() };
        let answer = import(
            &project,
            ImportRequest {
                query: &query,
                content_type: header("content-type"),
                content_encoding: header("content-encoding"),
                authorization: Some("Basic dG9rZW46"),
                body: &request.body,
            },
            now_ms,
            &mut |event| events.push(event),
        );
        if answer.events > 1 && self.world.strikes(Fault::TooLarge) {
            return response(413, "{}");
        }
        if self.world.strikes(Fault::LandsLate) {
            let at_ms = now_ms + 30_000 + self.world.draw(LATE_MS) as i64;
            self.inside.lock().unwrap().late.push((at_ms, events));
            self.world.point().await;
            self.world.sleep(30_000).await;
            return Err(TransportError::Ambiguous("timed out".into()));
        }
        self.inside.lock().unwrap().land(events);
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
