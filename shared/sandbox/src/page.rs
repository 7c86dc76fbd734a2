//! The sandbox's page: what arrived, in one self-contained HTML document.

mod parts;
mod text;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::amplitude::project::Summary;
use crate::faults::FaultPlan;
use crate::store::{CopyRow, EventCount, ProfileRow, RequestRow, Totals};

const STYLE: &str = include_str!("page/style.css");

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Everything, in numbers.
    pub totals: Totals,
    /// Counts per event name.
    pub counts: Vec<EventCount>,
    /// The latest visible events that match the filter.
    pub events: Vec<CopyRow>,
    /// The profiles that were updated last.
    pub profiles: Vec<ProfileRow>,
    /// How many profiles there are.
    pub profiles_total: u64,
    /// What came to Amplitude.
    pub amplitude: Summary,
    /// The latest requests.
    pub requests: Vec<RequestRow>,
    /// The faults in force.
    pub faults: FaultPlan,
    /// What the list of events is filtered by.
    pub filter: Filter,
}

/// What the list of events is filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only events of this name.
    pub event: Option<String>,
    /// Only events of this distinct_id.
    pub distinct_id: Option<String>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.event.is_none() && self.distinct_id.is_none()
    }
}

/// The page as HTML. Everything that was sent in is escaped.
pub fn render(page: &Page) -> String {
    document(page).into_string()
}

fn document(page: &Page) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Driftless sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    div {
                        h1 { "Sandbox" }
                        p { "A local stand-in for Mixpanel and Amplitude. Nothing here leaves this machine." }
                    }
                    a.button href="" { "Refresh" }
                }
                main {
                    (parts::faults(&page.faults))
                    (parts::tiles(&page.totals))
                    (parts::names(&page.counts, &page.filter))
                    (parts::events(page))
                    (parts::profiles(&page.profiles, page.profiles_total))
                    (parts::amplitude(&page.amplitude))
                    (parts::requests(&page.requests))
                }
                footer {
                    "As JSON: "
                    a href="/sandbox/summary.json" { "summary" } " · "
                    a href="/sandbox/events.json" { "visible events" } " · "
                    a href="/sandbox/amplitude.json" { "Amplitude" } " · "
                    a href="/sandbox/faults" { "faults" }
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
