//! `POST /import` as a pure function: request in, accepted events and answer out.

use super::answer::{self, FailedRecord};
use super::decode::{self, Refusal};
use super::identity::{Merge, joins_ids, validate_merge};
use super::limits::{MAX_BODY_BYTES, MAX_EVENTS};
use super::validate::{ValidEvent, validate_event};

pub use super::answer::Answer;
pub use super::auth::{Access, Credential, IdMerge, Project};

/// What arrived over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct ImportRequest<'a> {
    /// The decoded query parameters.
    pub query: &'a [(String, String)],
    /// The `Content-Type` header; `application/json` if absent.
    pub content_type: Option<&'a str>,
    /// The `Content-Encoding` header.
    pub content_encoding: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body as sent, perhaps compressed.
    pub body: &'a [u8],
}

/// The first value of a query parameter.
pub fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Answers an import. Each event that is ingested goes to `accept`, in the order of the request, before the answer exists:
/// a caller that loses the answer has a request that was applied.
///
/// Ids that are joined go to `merge`.
///
/// `strict=0` drops what is invalid and answers 200; every other value, and none, is strict. A project with Simplified ID
/// merge refuses a request with an event that joins ids whole, as was seen there.
pub fn import(
    project: &Project,
    request: ImportRequest<'_>,
    now_ms: i64,
    accept: &mut dyn FnMut(ValidEvent),
    merge: &mut dyn FnMut(Merge),
) -> Answer {
    let project_id = parameter(request.query, "project_id");
    if !project.lets_in(request.authorization, project_id) {
        return answer::unauthorized();
    }
    let events = match decode::events(request.content_type, request.content_encoding, request.body) {
        Ok(events) => events,
        Err(Refusal::TooLarge) => return answer::too_large(MAX_BODY_BYTES),
        Err(Refusal::TooMany) => return answer::too_many(MAX_EVENTS),
        Err(Refusal::Unreadable(error)) => return answer::unreadable(&error),
    };
    if project.id_merge == IdMerge::Simplified && events.iter().any(joins_ids) {
        return answer::unreadable("events that join ids are not supported in projects with Simplified ID merge");
    }
    let is_strict = parameter(request.query, "strict") != Some("0");
    let mut failed = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let taken = match joins_ids(event) {
            true => validate_merge(event).map(&mut *merge),
            false => validate_event(event, now_ms, project.retention_days, is_strict).map(|valid| {
                if !valid.is_ignored() {
                    accept(valid);
                }
            }),
        };
        match taken {
            Ok(()) => {}
            Err(invalid) => failed.push(FailedRecord {
                index,
                insert_id: sent_insert_id(event),
                field: invalid.field,
                message: invalid.message,
            }),
        }
    }
    let imported = events.len() - failed.len();
    if failed.is_empty() || !is_strict {
        answer::imported(imported, events.len())
    } else {
        answer::partly_failed(imported, events.len(), &failed)
    }
}

fn sent_insert_id(event: &serde_json::Value) -> String {
    let id = event.get("properties").and_then(|p| p.get("$insert_id"));
    id.and_then(|id| id.as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
