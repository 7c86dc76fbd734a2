//! `POST` and `GET /api/app/data-deletions/v3.0/`: deletions of users.
//!
//! Source: the GDPR OpenAPI file and `docs.mixpanel.com/reference/gdpr-api`, read on 2026-08-21.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::state::{State, error_response, text_header};

/// Users in one request.
const MAX_IDS: usize = 2_000;

fn is_signed_in(headers: &HeaderMap) -> bool {
    text_header(headers, header::AUTHORIZATION).is_some_and(|value| value.starts_with("Bearer "))
}

/// Asks for a deletion.
pub(super) async fn add(Shared(state): Shared<State>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed_in(&headers) {
        return error_response(StatusCode::UNAUTHORIZED, "an OAuth token is needed");
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let ids = body["distinct_ids"].as_array().into_iter().flatten();
    let ids: Vec<String> = ids.filter_map(|id| id.as_str().map(str::to_owned)).collect();
    if ids.is_empty() || ids.len() > MAX_IDS {
        return error_response(StatusCode::BAD_REQUEST, "between 1 and 2000 distinct_ids");
    }
    match state.with_store(move |store| store.add_deletion(&ids)).await {
        Ok(number) => {
            let body = json!({ "status": "ok", "results": { "task_id": number.to_string() } });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(failed) => failed,
    }
}

/// Tells how far one is.
pub(super) async fn show(Shared(state): Shared<State>, Path(tracking): Path<i64>, headers: HeaderMap) -> Response {
    if !is_signed_in(&headers) {
        return error_response(StatusCode::UNAUTHORIZED, "an OAuth token is needed");
    }
    match state.with_store(move |store| store.deletion(tracking)).await {
        Ok(status) => {
            let status = status.unwrap_or_else(|| "NOT_FOUND".to_owned());
            Json(json!({ "status": "ok", "results": { "status": status } })).into_response()
        }
        Err(failed) => failed,
    }
}
