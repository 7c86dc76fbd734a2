//! The parts of the page.

use maud::{Markup, html};

use super::text::{in_query, number, pretty, share, when};
use super::{Filter, Page};
use crate::amplitude::project::Summary;
use crate::faults::FaultPlan;
use crate::store::{CopyRow, EventCount, ProfileRow, RequestRow, Totals};

/// The faults in force; nothing if there are none.
pub(super) fn faults(plan: &FaultPlan) -> Markup {
    let rates = [
        (plan.rate_429, "answered 429"),
        (plan.rate_5xx, "answered 502 or 503"),
        (plan.lost_answer, "applied, answer lost"),
    ];
    html! {
        @if !plan.is_quiet() {
            section.faults aria-label="Faults on purpose" {
                strong { "Faults on purpose" }
                @for (rate, what) in rates {
                    @if rate > 0.0 { span.chip { (share(rate)) " " (what) } }
                }
                @if plan.latency_ms > 0 { span.chip { (number(plan.latency_ms)) " ms delay" } }
                @if let Some(seconds) = plan.retry_after_s { span.chip { "Retry-After " (seconds) " s" } }
                span.chip { "seed " (plan.seed) }
            }
        }
    }
}

/// The totals.
pub(super) fn tiles(totals: &Totals) -> Markup {
    let tiles = [
        (totals.visible, "visible events", "", "Identities whose latest copy is no tombstone"),
        (totals.deleted, "deleted", "", "Identities whose latest copy is a tombstone"),
        (totals.hidden, "hidden copies", "", "Earlier copies that deduplication hides"),
        (totals.accepted, "accepted", "", "Events that were taken, every copy counted"),
        (totals.rejected(), "rejected", "bad", "Events that were read and not taken"),
        (totals.requests, "requests", "", "Requests, failed ones included"),
    ];
    html! {
        section.tiles aria-label="Totals" {
            @for (count, label, class, title) in tiles {
                div.tile title=(title) {
                    div class={ "count " @if count > 0 { (class) } } { (number(count)) }
                    div.label { (label) }
                }
            }
        }
    }
}

/// The events per name.
pub(super) fn names(counts: &[EventCount], filter: &Filter) -> Markup {
    let most = counts.iter().map(|count| count.visible).max().unwrap_or(0);
    html! {
        section {
            h2 { "Events by name" }
            @if counts.is_empty() {
                p.empty { "Nothing arrived yet. Send events to " code { "POST /import" } "." }
            } @else {
                div.scroll { table {
                    thead { tr {
                        th { "Event" } th.number { "Visible" } th.bar {}
                        th.number { "Deleted" } th.number { "Copies" }
                        th { "Latest event (UTC)" } th { "Last seen (UTC)" }
                    } }
                    tbody { @for count in counts {
                        tr class=[(filter.event.as_ref() == Some(&count.event)).then_some("chosen")] {
                            td.name { a href={ "/?event=" (in_query(&count.event)) } { (count.event) } }
                            td.number { (number(count.visible)) }
                            td.bar { div.track { div style={ "width:" (count.visible * 100 / most.max(1)) "%" } {} } }
                            td.number.quiet[count.deleted == 0] { (number(count.deleted)) }
                            td.number { (number(count.copies)) }
                            td.time { (when(count.latest_ms)) }
                            td.time { (when(count.received_ms)) }
                        }
                    } }
                } }
            }
        }
    }
}

/// The filter and the latest visible events.
pub(super) fn events(page: &Page) -> Markup {
    let Filter { event, distinct_id } = &page.filter;
    html! {
        section {
            div.head {
                h2 { "Latest visible events" }
                form method="get" action="/" {
                    input name="event" list="names" placeholder="event name" aria-label="Event name" value=[event];
                    datalist id="names" { @for count in &page.counts { option value=(count.event) {} } }
                    input name="distinct_id" placeholder="distinct_id" aria-label="distinct_id" value=[distinct_id];
                    button { "Filter" }
                    @if !page.filter.is_empty() { a href="/" { "Clear" } }
                }
            }
            @if page.events.is_empty() {
                p.empty { @if page.filter.is_empty() { "None." } @else { "None that match the filter." } }
            } @else {
                div.rows {
                    div.row.columns aria-hidden="true" {
                        span { "Event" } span { "distinct_id" } span { "$insert_id" } span { "Time (UTC)" }
                    }
                    @for row in &page.events { (event_row(row)) }
                }
            }
        }
    }
}

fn event_row(row: &CopyRow) -> Markup {
    html! {
        details {
            summary.row {
                span.name {
                    (row.event)
                    @if row.deleted { " " span.tag { "deleted" } }
                }
                span.id { @if row.distinct_id.is_empty() { span.quiet { "(nobody)" } } @else { (row.distinct_id) } }
                span.id { (row.insert_id) }
                span.time { (when(row.time_ms)) }
            }
            div.detail {
                pre { (pretty(&row.properties)) }
                p.quiet {
                    "project " (row.project) " · copy " (row.seq) " · time " (row.time_ms)
                    " · arrived " (when(row.received_ms)) " UTC"
                }
            }
        }
    }
}

/// The profiles that were updated last; nothing if there are none.
pub(super) fn profiles(profiles: &[ProfileRow], total: u64) -> Markup {
    html! {
        @if total > 0 {
            section {
                h2 { "Profiles updated last, of " (number(total)) }
                div.rows {
                    div.row.columns aria-hidden="true" {
                        span { "Group key" } span { "Id" } span { "Project" } span { "Updated (UTC)" }
                    }
                    @for row in profiles {
                        details {
                            summary.row {
                                span.name { @if row.group_key.is_empty() { "(user)" } @else { (row.group_key) } }
                                span.id { (row.id) }
                                span.id { (row.project) }
                                span.time { (when(row.updated_ms)) }
                            }
                            div.detail { pre { (pretty(&row.properties)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What came to Amplitude; nothing if nothing came.
pub(super) fn amplitude(summary: &Summary) -> Markup {
    let numbers = [
        (summary.duplicates, "events known already"),
        (summary.users as u64, "users with properties"),
        (summary.groups as u64, "groups with properties"),
        (summary.profiles as u64, "profiles"),
        (summary.tables as u64, "lookup tables"),
        (summary.files.files, "mutation files read"),
        (summary.files.unmatched, "mutations that found no event"),
        (summary.files.dropped, "rows of files that do not count"),
    ];
    html! {
        @if !summary.is_empty() {
            section {
                h2 { "Amplitude" }
                div.scroll { table {
                    thead { tr { th { "Event" } th.number { "Events" } th { "Latest event (UTC)" } } }
                    tbody { @for (event, (count, latest_ms)) in &summary.events {
                        tr {
                            td.name { (event) }
                            td.number { (number(*count)) }
                            td.time { (when(*latest_ms)) }
                        }
                    } }
                } }
                p.quiet {
                    @for (count, what) in numbers.into_iter().filter(|(count, _)| *count > 0) {
                        span.chip { (number(count)) " " (what) } " "
                    }
                }
            }
        }
    }
}

/// The latest requests.
pub(super) fn requests(requests: &[RequestRow]) -> Markup {
    html! {
        section {
            h2 { "Latest requests" }
            @if requests.is_empty() {
                p.empty { "None." }
            } @else {
                div.scroll { table.requests {
                    thead { tr {
                        th.number { "#" } th { "Answered (UTC)" } th { "Status" }
                        th.number { "Events" } th.number { "Accepted" } th { "Note" }
                    } }
                    tbody { @for request in requests {
                        tr {
                            td.number.quiet { (request.seq) }
                            td.time { (when(request.at_ms)) }
                            td { (status(request.status)) }
                            td.number { (number(request.events)) }
                            td.number { (number(request.accepted)) }
                            td.note { (request.note) }
                        }
                    } }
                } }
            }
        }
    }
}

fn status(status: u16) -> Markup {
    let (class, text) = match status {
        0 => ("lost", "no answer".to_owned()),
        200..=299 => ("good", status.to_string()),
        400 | 429 => ("warn", status.to_string()),
        _ => ("bad", status.to_string()),
    };
    html! { span class={ "status " (class) } { (text) } }
}
