//! `POST /api/query/engage`: profiles, page by page, as Mixpanel documents it.
//!
//! Source: the query OpenAPI file and `docs.mixpanel.com/reference/engage-query`, read on 2026-08-21.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::state::{Query, State, error_response, text_header, unauthorized};
use crate::mixpanel::import::parameter;
use crate::store::ProfileRow;

/// Profiles of a page.
const PAGE_SIZE: usize = 1_000;

/// Form parameters: `page` from 0, `session_id` of the first page's answer. `data_group_id` is here the group key itself.
pub(super) async fn engage(
    Shared(state): Shared<State>,
    Query { 0: query }: Query,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let authorization = text_header(&headers, header::AUTHORIZATION);
    if state.project(authorization, parameter(&query, "project_id")).is_none() {
        return unauthorized();
    }
    let Ok(form) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body) else {
        return error_response(StatusCode::BAD_REQUEST, "the body is no form");
    };
    let page: usize = parameter(&form, "page").and_then(|page| page.parse().ok()).unwrap_or(0);
    if page > 0 && parameter(&form, "session_id").is_none() {
        return error_response(StatusCode::BAD_REQUEST, "session_id is required with page");
    }
    let group_key = parameter(&form, "data_group_id").unwrap_or_default().to_owned();
    let all = state.with_store(move |store| store.profiles(&group_key, "", usize::MAX >> 1)).await;
    match all {
        Ok(all) => Json(page_of(&all, page)).into_response(),
        Err(failed) => failed,
    }
}

fn page_of(all: &[ProfileRow], page: usize) -> Value {
    let results: Vec<Value> = all
        .iter()
        .skip(page * PAGE_SIZE)
        .take(PAGE_SIZE)
        .map(|row| {
            let properties: Value = serde_json::from_str(&row.properties).unwrap_or_default();
            json!({ "$distinct_id": row.id, "$properties": properties })
        })
        .collect();
    json!({
        "page": page, "page_size": PAGE_SIZE, "session_id": "sandbox", "status": "ok", "total": all.len(), "results": results,
    })
}
