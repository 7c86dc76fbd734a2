//! The page, the summary, the faults and the reset.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::amplitude::read_new_files;
use super::state::{Query, State, error_response};
use crate::faults::FaultPlan;
use crate::mixpanel::import::parameter;
use crate::page::{self, Filter, Page};
use crate::store::CopyFilter;

/// Events and requests that the page lists.
const LISTED: u32 = 50;

/// `GET /`: the page. Parameters: `event`, `distinct_id`.
pub(super) async fn show(Shared(state): Shared<State>, Query { 0: query }: Query) -> Response {
    let given = |name| parameter(&query, name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
    let filter = Filter { event: given("event"), distinct_id: given("distinct_id") };
    let faults = state.plan();
    let folder = state.mutation_files();
    let page = state
        .with_store(move |store| {
            read_new_files(store, folder.as_deref())?;
            let wanted = CopyFilter {
                events: filter.event.clone().map(|event| vec![event]),
                distinct_id: filter.distinct_id.clone(),
                visible: true,
                ..CopyFilter::default()
            };
            let (profiles, profiles_total) = store.last_profiles(LISTED)?;
            Ok(Page {
                totals: store.totals()?,
                counts: store.event_counts()?,
                events: store.last_copies(&wanted, LISTED as usize)?,
                profiles,
                profiles_total,
                amplitude: store.amplitude().summary(),
                requests: store.last_requests(LISTED)?,
                faults,
                filter,
            })
        })
        .await;
    match page {
        Ok(page) => ([(header::CACHE_CONTROL, "no-store")], Html(page::render(&page))).into_response(),
        Err(failed) => failed,
    }
}

/// `GET /sandbox/summary.json`: totals, counts per event name and day, statuses and faults.
pub(super) async fn summary(Shared(state): Shared<State>) -> Response {
    let faults = state.plan();
    let summary = state
        .with_store(move |store| {
            let totals = store.totals()?;
            Ok(json!({
                "totals": totals,
                "rejected": totals.rejected(),
                "statuses": store.statuses()?,
                "events": store.event_counts()?,
                "days": store.day_counts()?,
                "faults": faults,
            }))
        })
        .await;
    match summary {
        Ok(summary) => Json(summary).into_response(),
        Err(failed) => failed,
    }
}

/// `GET /sandbox/identities.json`: ids that were joined, by the one that they are known by.
pub(super) async fn identities(Shared(state): Shared<State>) -> Response {
    match state.with_store(|store| Ok(json!(store.clusters(None)?.all()))).await {
        Ok(clusters) => Json(clusters).into_response(),
        Err(failed) => failed,
    }
}

/// `GET /sandbox/faults`: the plan in force.
pub(super) async fn faults(Shared(state): Shared<State>) -> Response {
    Json(state.plan()).into_response()
}

/// `POST /sandbox/faults`: replaces the plan; `{}` ends all faults.
pub(super) async fn set_faults(Shared(state): Shared<State>, body: Bytes) -> Response {
    let plan: FaultPlan = match serde_json::from_slice(&body) {
        Ok(plan) => plan,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, error),
    };
    if let Err(error) = plan.check() {
        return error_response(StatusCode::BAD_REQUEST, error);
    }
    state.set_plan(plan.clone());
    Json(plan).into_response()
}

/// `DELETE /sandbox/data`: forgets everything that arrived.
pub(super) async fn clear(Shared(state): Shared<State>) -> Response {
    match state.with_store(|store| store.clear()).await {
        Ok(removed) => Json(json!({"removed": removed})).into_response(),
        Err(failed) => failed,
    }
}
