//! `POST /import`, `/engage` and `/groups`: faults, the pure function, the store, the answer.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::connection::Hangup;
use super::state::{Query, State, response, text_header};
use crate::faults::Fault;
use crate::mixpanel::answer::{self, Answer};
use crate::mixpanel::import::{self, ImportRequest};
use crate::mixpanel::limits::MAX_BODY_BYTES;
use crate::mixpanel::lookup_table;
use crate::mixpanel::profile::{self, ProfileRoute};
use crate::store::{NewRequest, Store, StoreError};

const PATH: &str = "/import";

/// Distinct failure messages that a request's note names.
const MAX_NOTED_MESSAGES: usize = 4;

pub(super) async fn import(
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    Query { 0: query }: Query,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let projects = shared.0.clone();
    answer(shared, info, PATH, body, move |store, body, fault| take(store, &projects, &query, &headers, body, fault))
        .await
}

/// `POST /engage` and `POST /groups`
pub(super) async fn profiles(
    route: ProfileRoute,
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    Query { 0: query }: Query,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let projects = shared.0.clone();
    answer(shared, info, route.path(), body, move |store, body, fault| {
        take_profiles(store, &projects, route, &query, &headers, body, fault)
    })
    .await
}

/// `PUT /lookup-tables/{id}`
pub(super) async fn lookup_table(
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    Path(id): Path<String>,
    Query { 0: query }: Query,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let projects = shared.0.clone();
    answer(shared, info, "/lookup-tables", body, move |store, body, fault| {
        let authorization = text_header(&headers, header::AUTHORIZATION);
        let project_id = import::parameter(&query, "project_id");
        let Some(project) = projects.project(authorization, project_id) else {
            return refuse(store, "/lookup-tables", answer::unauthorized(), "");
        };
        let (answer, table) = lookup_table::replace(text_header(&headers, header::CONTENT_ENCODING), body);
        let (note, status) = noted(&answer, fault);
        let request = NewRequest {
            at_ms: Timestamp::now().as_millisecond(),
            path: "/lookup-tables",
            project: &project.kept_as(authorization, project_id),
            status,
            events: answer.events,
            note: note.trim_end(),
        };
        store.record_lookup_table(&request, &id, table.as_deref())?;
        Ok(answer)
    })
    .await
}

/// What every route does: delay and fail on purpose, keep the request, lose the answer on purpose.
pub(super) async fn answer(
    Shared(state): Shared<State>,
    ConnectInfo(hangup): ConnectInfo<Hangup>,
    path: &'static str,
    body: Result<Bytes, BytesRejection>,
    take: impl FnOnce(&Store, &[u8], Fault) -> Result<Answer, StoreError> + Send + 'static,
) -> Response {
    let (plan, fault) = state.next_fault();
    tokio::time::sleep(Duration::from_millis(plan.latency_ms)).await;
    let refused = plan.answer(fault);
    let answered = state
        .with_store(move |store| match (refused, body) {
            (Some(answer), _) => refuse(store, path, answer, "fault on purpose"),
            (None, Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                refuse(store, path, answer::too_large(MAX_BODY_BYTES), "")
            }
            (None, Err(rejection)) => refuse(store, path, answer::unreadable(&rejection.body_text()), ""),
            (None, Ok(body)) => take(store, &body, fault),
        })
        .await;
    if fault == Fault::LostAnswer {
        hangup.hang_up();
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    match answered {
        Ok(answer) => response(answer),
        Err(failed) => failed,
    }
}

fn refuse(store: &Store, path: &'static str, answer: Answer, note: &str) -> Result<Answer, StoreError> {
    let error = note_of(&answer);
    let request = NewRequest {
        at_ms: Timestamp::now().as_millisecond(),
        path,
        project: "",
        status: answer.status,
        events: answer.events,
        note: if note.is_empty() { &error } else { note },
    };
    store.record(&request, &[], &[])?;
    Ok(answer)
}

fn take_profiles(
    store: &Store,
    state: &State,
    route: ProfileRoute,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
    fault: Fault,
) -> Result<Answer, StoreError> {
    let mut valid = Vec::new();
    let content_type = text_header(headers, header::CONTENT_TYPE);
    let content_encoding = text_header(headers, header::CONTENT_ENCODING);
    let answer =
        profile::profiles(route, query, content_type, content_encoding, body, &mut |update| valid.push(update));
    let (note, status) = noted(&answer, fault);
    let request = NewRequest {
        at_ms: Timestamp::now().as_millisecond(),
        path: route.path(),
        project: "",
        status,
        events: answer.events,
        note: note.trim_end(),
    };
    store.record_profiles(&request, &valid, &|token| state.project_of_token(token))?;
    Ok(answer)
}

/// What is kept of an answer: why it or parts of it failed, and its status, 0 if it gets lost on purpose.
pub(super) fn noted(answer: &Answer, fault: Fault) -> (String, u16) {
    let note = note_of(answer);
    if fault == Fault::LostAnswer {
        (format!("answer {} lost on purpose. {note}", answer.status), 0)
    } else {
        (note, answer.status)
    }
}

fn take(
    store: &Store,
    state: &State,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
    fault: Fault,
) -> Result<Answer, StoreError> {
    let authorization = text_header(headers, header::AUTHORIZATION);
    let project_id = import::parameter(query, "project_id");
    let Some(project) = state.project(authorization, project_id) else {
        return refuse(store, PATH, answer::unauthorized(), "");
    };
    let request = ImportRequest {
        query,
        content_type: text_header(headers, header::CONTENT_TYPE),
        content_encoding: text_header(headers, header::CONTENT_ENCODING),
        authorization,
        body,
    };
    let now_ms = Timestamp::now().as_millisecond();
    let (mut accepted, mut merges) = (Vec::new(), Vec::new());
    let (accept, merge) = (&mut |event| accepted.push(event), &mut |merge| merges.push(merge));
    let answer = import::import(project, request, now_ms, accept, merge);
    let (note, status) = noted(&answer, fault);
    let request = NewRequest {
        at_ms: now_ms,
        path: PATH,
        project: &project.kept_as(authorization, project_id),
        status,
        events: answer.events,
        note: note.trim_end(),
    };
    store.record(&request, &accepted, &merges)?;
    Ok(answer)
}

/// The messages of an answer's failed records with how often each occurs, or its error.
fn note_of(answer: &Answer) -> String {
    let Some(failed) = answer.body["failed_records"].as_array() else {
        let reason = [&answer.body["error"], &answer.body["message"]].into_iter().find_map(|text| text.as_str());
        return reason.unwrap_or_default().to_owned();
    };
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut others = 0;
    for message in failed.iter().filter_map(|record| record["message"].as_str()) {
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == message) {
            *count += 1;
        } else if counts.len() < MAX_NOTED_MESSAGES {
            counts.push((message, 1));
        } else {
            others += 1;
        }
    }
    let mut notes: Vec<String> = counts.iter().map(|(message, count)| format!("{count} × {message}")).collect();
    if others > 0 {
        notes.push(format!("{others} × other reasons"));
    }
    notes.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixpanel::answer::{FailedRecord, partly_failed};

    #[test]
    fn notes_count_each_message_and_stay_short() {
        let failed: Vec<FailedRecord> = (0..9)
            .map(|index| FailedRecord {
                index,
                insert_id: String::new(),
                field: String::new(),
                message: format!("m{}", index / 2 * 2),
            })
            .collect();
        let note = note_of(&partly_failed(0, 9, &failed));
        assert_eq!(note, "2 × m0; 2 × m2; 2 × m4; 2 × m6; 1 × other reasons");
        assert_eq!(note_of(&answer::unauthorized()), "Invalid credentials");
        assert_eq!(note_of(&answer::imported(1, 1)), "");
    }
}
