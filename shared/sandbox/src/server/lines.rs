//! Events as JSON lines: the raw export as Mixpanel documents it, and what queries would see.
//!
//! Source: the export OpenAPI file and `docs.mixpanel.com/reference/event-deduplication`, read on 2026-08-21.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::state::{Query, State, error_response, text_header, unauthorized};
use crate::mixpanel::auth::Access;
use crate::mixpanel::identity::Clusters;
use crate::mixpanel::import::parameter;
use crate::mixpanel::limits::MAX_EXPORT_LIMIT;
use crate::store::{CopyFilter, CopyRow};

/// Rows that are read and held at a time.
const PAGE_ROWS: usize = 2_000;

/// `GET /api/2.0/export`: every copy, in the order of ingestion.
pub(super) async fn export(Shared(state): Shared<State>, Query { 0: query }: Query, headers: HeaderMap) -> Response {
    let authorization = text_header(&headers, header::AUTHORIZATION);
    let project_id = parameter(&query, "project_id");
    let Some(project) = state.project(authorization, project_id) else {
        return unauthorized();
    };
    let project = match project.access {
        Access::Open => project_id.map(str::to_owned),
        Access::Only(_) => Some(project.id.clone()),
    };
    match export_filter(&query, project) {
        Ok((filter, limit)) => {
            let milliseconds = parameter(&query, "time_in_ms") == Some("true");
            respond(state, filter, limit, milliseconds, "text/plain")
        }
        Err(error) => error_response(StatusCode::BAD_REQUEST, error),
    }
}

fn export_filter(query: &[(String, String)], project: Option<String>) -> Result<(CopyFilter, u64), String> {
    let day = |name: &str| -> Result<Date, String> {
        let text = parameter(query, name).ok_or_else(|| format!("{name} is required"))?;
        text.parse().map_err(|_| format!("{name} must be a date as YYYY-MM-DD"))
    };
    let events = match parameter(query, "event") {
        None => None,
        Some(names) => Some(serde_json::from_str(names).map_err(|_| "event must be a JSON array of names".to_owned())?),
    };
    let limit = match parameter(query, "limit") {
        None => u64::MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_EXPORT_LIMIT).contains(limit))
            .ok_or_else(|| format!("limit must be from 1 to {MAX_EXPORT_LIMIT}"))?,
    };
    let after_last = day("to_date")?.tomorrow().map_err(|_| "to_date is too late".to_owned())?;
    let filter = CopyFilter {
        project,
        events,
        from_ms: Some(midnight_ms(day("from_date")?)?),
        until_ms: Some(midnight_ms(after_last)?),
        ..CopyFilter::default()
    };
    Ok((filter, limit))
}

fn midnight_ms(day: Date) -> Result<i64, String> {
    day.to_zoned(TimeZone::UTC)
        .map(|midnight| midnight.timestamp().as_millisecond())
        .map_err(|_| "the date is out of range".to_owned())
}

/// `GET /sandbox/events.json`: the latest copy of each identity, with times in milliseconds. Parameters: `project_id`,
/// `event`, `distinct_id`, `hide_deleted=true`.
pub(super) async fn visible(Shared(state): Shared<State>, Query { 0: query }: Query) -> Response {
    let owned = |name: &str| parameter(&query, name).map(str::to_owned);
    let filter = CopyFilter {
        project: owned("project_id"),
        events: owned("event").map(|event| vec![event]),
        distinct_id: owned("distinct_id"),
        visible: true,
        hide_deleted: parameter(&query, "hide_deleted") == Some("true"),
        ..CopyFilter::default()
    };
    respond(state, filter, u64::MAX, true, "application/x-ndjson")
}

struct Cursor {
    state: State,
    /// Which ids are one; read with the first page.
    clusters: Option<Arc<Clusters>>,
    filter: CopyFilter,
    after_seq: i64,
    left: u64,
    milliseconds: bool,
}

/// Streams page by page, so that memory is bounded and imports go on meanwhile.
fn respond(state: State, filter: CopyFilter, limit: u64, milliseconds: bool, content_type: &'static str) -> Response {
    let cursor = Cursor { state, clusters: None, filter, after_seq: 0, left: limit, milliseconds };
    let pages = stream::unfold(cursor, |mut cursor| async move {
        match cursor.next_page().await {
            Ok(Some(page)) => Some((Ok(page), cursor)),
            Ok(None) => None,
            Err(error) => {
                cursor.left = 0;
                Some((Err(error), cursor))
            }
        }
    });
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(pages)).into_response()
}

impl Cursor {
    async fn next_page(&mut self) -> Result<Option<Bytes>, std::io::Error> {
        let rows = PAGE_ROWS.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if rows == 0 {
            return Ok(None);
        }
        let (filter, after_seq, known) = (self.filter.clone(), self.after_seq, self.clusters.clone());
        let read = self.state.with_store(move |store| {
            let clusters = match known {
                Some(clusters) => clusters,
                None => Arc::new(store.clusters(filter.project.as_deref())?),
            };
            Ok((store.copies(&filter, after_seq, rows)?, clusters))
        });
        let (page, clusters) = read.await.map_err(|_| std::io::Error::other("the store cannot be read"))?;
        self.clusters = Some(clusters.clone());
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.after_seq = last.seq;
        self.left = self.left.saturating_sub(page.len() as u64);
        let mut lines = String::new();
        for row in &page {
            push_line(&mut lines, row, &clusters, self.milliseconds)?;
        }
        Ok(Some(Bytes::from(lines)))
    }
}

/// `{"event":…,"properties":{"time":…,"distinct_id":…,"$insert_id":…,"mp_processing_time_ms":…, and the others}}`. Where ids
/// were joined, distinct_id is the one they are known by, and the one that was sent is `$distinct_id_before_identity`.
fn push_line(
    lines: &mut String,
    row: &CopyRow,
    clusters: &Clusters,
    milliseconds: bool,
) -> Result<(), serde_json::Error> {
    use std::fmt::Write;
    let time = if milliseconds { row.time_ms } else { row.time_ms.div_euclid(1000) };
    let canonical = clusters.canonical(&row.distinct_id);
    let [event, distinct_id, insert_id] = [&row.event, canonical, &row.insert_id].map(serde_json::to_string);
    let before = match canonical == row.distinct_id {
        true => String::new(),
        false => format!(",\"$distinct_id_before_identity\":{}", serde_json::to_string(&row.distinct_id)?),
    };
    // The kept properties are an object: what follows its brace follows the properties written here.
    let others = row.properties.strip_prefix('{').unwrap_or("}");
    let comma = if others == "}" { "" } else { "," };
    // Writing to a String cannot fail.
    let _ = writeln!(
        lines,
        r#"{{"event":{},"properties":{{"time":{time},"distinct_id":{},"$insert_id":{},"mp_processing_time_ms":{}{before}{comma}{others}}}"#,
        event?, distinct_id?, insert_id?, row.received_ms,
    );
    Ok(())
}
