//! Amplitude's routes, and the folder of mutation files that its Mirror Sync would read.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, Path as UrlPath, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::connection::Hangup;
use super::ingest::{answer, noted};
use super::state::{Query, State, error_response, text_header};
use crate::amplitude::identify::Route;
use crate::amplitude::project::Project;
use crate::amplitude::{batch, deletion, export, identify, lookup_table};
use crate::answer::Answer;
use crate::faults::Fault;
use crate::mixpanel::import::parameter;
use crate::store::{Entry, NewRequest, Store, StoreError};

/// Mutation files larger than this are not read: Amplitude's limit is 5 GB, more than a sandbox should hold.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// `POST /batch`
pub(super) async fn events(
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let state = shared.0.clone();
    answer(shared, info, "/batch", body, move |store, body, fault| {
        let now_ms = Timestamp::now().as_millisecond();
        let kind = text_header(&headers, header::CONTENT_TYPE);
        let encoding = text_header(&headers, header::CONTENT_ENCODING);
        let (answer, taken) = batch::batch(kind, encoding, body, &mut state.throttle(), now_ms);
        record(store, "/batch", &answer, fault, taken.map(|taken| Entry::Events(taken.events)))?;
        Ok(answer)
    })
    .await
}

/// `POST /identify` and `POST /groupidentify`
pub(super) async fn properties(
    route: Route,
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    answer(shared, info, route.path(), body, move |store, body, fault| {
        let (answer, taken) = identify::identify(route, text_header(&headers, header::CONTENT_TYPE), body);
        record(store, route.path(), &answer, fault, taken.map(|(_, all)| Entry::Identify(all)))?;
        Ok(answer)
    })
    .await
}

/// `PUT /api/3/lookup_table/{name}`
pub(super) async fn table(
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    UrlPath(name): UrlPath<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    answer(shared, info, "/api/3/lookup_table", body, move |store, body, fault| {
        if text_header(&headers, header::AUTHORIZATION).is_none() {
            return Ok(unauthorized());
        }
        let (answer, csv) = lookup_table::replace(&name, text_header(&headers, header::CONTENT_TYPE), body);
        record(store, "/api/3/lookup_table", &answer, fault, csv.map(|csv| Entry::Table(name.clone(), csv)))?;
        Ok(answer)
    })
    .await
}

/// `POST /api/2/deletions/users`
pub(super) async fn delete_users(
    shared: Shared<State>,
    info: ConnectInfo<Hangup>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    answer(shared, info, "/api/2/deletions/users", body, move |store, body, fault| {
        if text_header(&headers, header::AUTHORIZATION).is_none() {
            return Ok(unauthorized());
        }
        let now_ms = Timestamp::now().as_millisecond();
        let known = |user: &str| knows(&store.amplitude(), user);
        let (answer, job) = deletion::request(body, &known, now_ms);
        record(store, "/api/2/deletions/users", &answer, fault, job.map(Entry::Deletion))?;
        Ok(answer)
    })
    .await
}

fn knows(project: &Project, user: &str) -> bool {
    project.events().any(|stored| stored.event.get("user_id").and_then(Value::as_str) == Some(user))
        || project.properties.keys().any(|owner| owner.group_type.is_empty() && owner.id == user)
        || project.profiles.contains_key(user)
}

/// `GET /api/2/deletions/users`
pub(super) async fn deletions(Shared(state): Shared<State>, Query { 0: query }: Query, headers: HeaderMap) -> Response {
    if text_header(&headers, header::AUTHORIZATION).is_none() {
        return error_response(StatusCode::UNAUTHORIZED, "no credentials");
    }
    let given = |name| parameter(&query, name).unwrap_or_default().to_owned();
    let (start, end) = (given("start_day"), given("end_day"));
    let now_ms = Timestamp::now().as_millisecond();
    let shown = state.with_store(move |store| Ok(deletion::show(&store.amplitude().deletions, &start, &end, now_ms)));
    match shown.await {
        Ok(Some(jobs)) => Json(jobs).into_response(),
        Ok(None) => error_response(StatusCode::BAD_REQUEST, "start_day and end_day are YYYY-MM-DD"),
        Err(failed) => failed,
    }
}

/// `GET /api/2/export`
pub(super) async fn export(Shared(state): Shared<State>, Query { 0: query }: Query, headers: HeaderMap) -> Response {
    if text_header(&headers, header::AUTHORIZATION).is_none() {
        return error_response(StatusCode::UNAUTHORIZED, "no credentials");
    }
    let given = |name| parameter(&query, name).unwrap_or_default().to_owned();
    let (start, end) = (given("start"), given("end"));
    let folder = state.mutation_files();
    let made = state.with_store(move |store| {
        read_new_files(store, folder.as_deref())?;
        Ok(export::export(&store.amplitude(), &start, &end))
    });
    match made.await {
        Ok(Ok(Some(zip))) => ([(header::CONTENT_TYPE, "application/zip")], zip).into_response(),
        Ok(Ok(None)) => error_response(StatusCode::NOT_FOUND, "no data in these hours"),
        Ok(Err(error)) => error_response(StatusCode::BAD_REQUEST, error),
        Err(failed) => failed,
    }
}

/// `GET /sandbox/amplitude.json`: events, properties, profiles, tables and what became of mutation files.
pub(super) async fn show(Shared(state): Shared<State>) -> Response {
    let folder = state.mutation_files();
    let shown = state.with_store(move |store| {
        read_new_files(store, folder.as_deref())?;
        let project = store.amplitude();
        let events: Vec<_> = project.events().map(|stored| &stored.event).collect();
        let properties: Vec<_> = project
            .properties
            .iter()
            .map(|(owner, values)| json!({ "group_type": owner.group_type, "id": owner.id, "properties": values }))
            .collect();
        Ok(json!({
            "events": events,
            "duplicates": project.duplicates,
            "properties": properties,
            "profiles": project.profiles,
            "tables": project.tables,
            "files": project.file_counts,
            "deletions": project.deletions,
        }))
    });
    match shown.await {
        Ok(shown) => Json(shown).into_response(),
        Err(failed) => failed,
    }
}

/// `POST /sandbox/delete-all`: carries out every deletion that was asked for, as if its day had come.
pub(super) async fn delete_all(Shared(state): Shared<State>) -> Response {
    let done = state.with_store(|store| {
        let at_ms = Timestamp::now().as_millisecond();
        let request = NewRequest { at_ms, path: "/sandbox/delete-all", project: "", status: 204, events: 0, note: "" };
        store.delete_all()?;
        store.record_amplitude(&request, Some(Entry::DeleteAll))
    });
    match done.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failed) => failed,
    }
}

fn unauthorized() -> Answer {
    Answer { status: 401, body: json!({ "error": "no credentials" }), retry_after_s: None, events: 0 }
}

fn record(
    store: &Store,
    path: &'static str,
    answer: &Answer,
    fault: Fault,
    entry: Option<Entry>,
) -> Result<(), StoreError> {
    let (note, status) = noted(answer, fault);
    let request = NewRequest {
        at_ms: Timestamp::now().as_millisecond(),
        path,
        project: "",
        status,
        events: answer.events,
        note: note.trim_end(),
    };
    store.record_amplitude(&request, entry)
}

/// Reads the mutation files that were not read before. What lies there is one sync window, whose files come in an order
/// that nobody knows: here by the hash of their names.
pub(super) fn read_new_files(store: &Store, folder: Option<&Path>) -> Result<(), StoreError> {
    let Some(folder) = folder else { return Ok(()) };
    let mut found: Vec<(u64, String, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.to_owned();
            (name.ends_with(".json.gz") || name.ends_with(".json")).then(|| (shuffled(&name), name, path))
        })
        .collect();
    found.retain(|(_, name, _)| !store.amplitude().files.contains(name));
    found.sort();
    for (_, name, path) in found {
        if std::fs::metadata(&path).is_ok_and(|file| file.len() > MAX_FILE_BYTES) {
            continue;
        }
        // A file that is gone again is not there.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let request = NewRequest {
            at_ms: Timestamp::now().as_millisecond(),
            path: "(mutation file)",
            project: "",
            status: 200,
            events: 0,
            note: &name,
        };
        store.record_amplitude(&request, Some(Entry::file(&name, &bytes)))?;
    }
    Ok(())
}

/// FNV-1a: any order will do, as long as it is the same each time.
fn shuffled(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
