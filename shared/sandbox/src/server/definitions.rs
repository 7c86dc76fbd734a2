//! `GET data-groups` and `PATCH data-definitions` of `/api/app/projects/{id}/`: what profile history needs.
//!
//! Source: none of Mixpanel's. The calls are those that mixpanel-import makes (commit 8499494 of 2026-07).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::state::{State, error_response, text_header};

fn is_signed_in(headers: &HeaderMap) -> bool {
    text_header(headers, header::AUTHORIZATION).is_some_and(|value| value.starts_with("Basic "))
}

/// The group keys of the project: the sandbox has one.
pub(super) async fn groups(headers: HeaderMap) -> Response {
    if !is_signed_in(&headers) {
        return error_response(StatusCode::UNAUTHORIZED, "a service account is needed");
    }
    let groups = json!([{ "property_name": "company", "data_group_id": "-7152939426483012903" }]);
    Json(json!({ "status": "ok", "results": groups })).into_response()
}

/// Defines an event or a property.
pub(super) async fn define(
    Shared(state): Shared<State>,
    Path((_, resource)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_signed_in(&headers) {
        return error_response(StatusCode::UNAUTHORIZED, "a service account is needed");
    }
    if !matches!(resource.as_str(), "events" | "properties") {
        return error_response(StatusCode::NOT_FOUND, "there are events and properties");
    }
    let definition: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(name) = definition["name"].as_str().map(str::to_owned) else {
        return error_response(StatusCode::BAD_REQUEST, "name is required");
    };
    match state.with_store(move |store| store.define(&resource, &name, &definition)).await {
        Ok(id) => Json(json!({ "status": "ok", "results": { "id": id } })).into_response(),
        Err(failed) => failed,
    }
}

/// `GET /sandbox/definitions.json`: what was defined.
pub(super) async fn show(Shared(state): Shared<State>) -> Response {
    match state.with_store(|store| store.definitions()).await {
        Ok(definitions) => Json(definitions).into_response(),
        Err(failed) => failed,
    }
}
