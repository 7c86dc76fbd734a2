//! `POST` and `GET /api/2/deletions/users`: deletions of users, day by day.
//!
//! Source: `amplitude.com/docs/apis/analytics/user-privacy`, read on 2026-03-13.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::limits::{DELETION_DAYS, MAX_DELETION_IDS};
use crate::answer::Answer;

const DAY_MS: i64 = 86_400_000;

/// The users whose deletion was asked for on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionJob {
    /// When it begins, milliseconds since the epoch.
    pub begins_ms: i64,
    /// The users, with who asked.
    pub users: Vec<(String, String)>,
    /// Whether it is done.
    pub is_done: bool,
}

impl DeletionJob {
    pub(super) fn is_due(&self, now_ms: i64) -> bool {
        !self.is_done && now_ms >= self.begins_ms
    }

    pub(super) fn finish(&mut self) -> Vec<String> {
        self.is_done = true;
        self.users.iter().map(|(user, _)| user.clone()).collect()
    }

    fn shown(&self, now_ms: i64) -> Value {
        // From three days before it begins it cannot be stopped any more.
        let status = match self.begins_ms - now_ms {
            _ if self.is_done => "Done",
            left if left < 3 * DAY_MS => "Submitted",
            _ => "Staging",
        };
        let ids: Vec<Value> = self
            .users
            .iter()
            .map(|(user, requester)| json!({ "amplitude_id": amplitude_id(user), "user_id": user, "requester": requester }))
            .collect();
        json!({ "day": day_of(self.begins_ms).to_string(), "status": status, "amplitude_ids": ids })
    }
}

/// A number that stands for a user.
fn amplitude_id(user: &str) -> u32 {
    user.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

fn day_of(at_ms: i64) -> Date {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC).date()
}

/// Asks for the deletion of users; `is_known` tells who exists.
pub fn request(body: &[u8], is_known: &dyn Fn(&str) -> bool, now_ms: i64) -> (Answer, Option<DeletionJob>) {
    let refuse =
        |error: &str| (Answer { status: 400, body: json!({ "error": error }), retry_after_s: None, events: 0 }, None);
    let Ok(request) = serde_json::from_slice::<Value>(body) else { return refuse("Invalid JSON") };
    let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|n| n.to_string()));
    let users: Vec<String> = request["user_ids"].as_array().into_iter().flatten().filter_map(text).collect();
    if users.is_empty() || users.len() > MAX_DELETION_IDS {
        return refuse("between 1 and 100 ids in a request");
    }
    let flag = |name: &str| request[name] == json!(true) || request[name] == json!("true");
    let ignores = flag("ignore_invalid_id") || flag("ignore_invalid_ids");
    let (known, unknown): (Vec<String>, Vec<String>) = users.into_iter().partition(|user| is_known(user));
    if !unknown.is_empty() && !ignores {
        return refuse("Invalid user ids");
    }
    let requester = request["requester"].as_str().unwrap_or_default().to_owned();
    let begins_ms = now_ms + DELETION_DAYS * DAY_MS;
    let job = DeletionJob {
        begins_ms,
        users: known.into_iter().map(|user| (user, requester.clone())).collect(),
        is_done: false,
    };
    let mut body = job.shown(now_ms);
    body["invalid_ids"] = json!(unknown);
    let events = job.users.len();
    (Answer { status: 200, body, retry_after_s: None, events }, Some(job))
}

/// The jobs from one day to another.
pub fn show(jobs: &[DeletionJob], start_day: &str, end_day: &str, now_ms: i64) -> Option<Value> {
    let (start, end): (Date, Date) = (start_day.parse().ok()?, end_day.parse().ok()?);
    let within = |job: &&DeletionJob| (start..=end).contains(&day_of(job.begins_ms));
    Some(jobs.iter().filter(within).map(|job| job.shown(now_ms)).collect())
}
