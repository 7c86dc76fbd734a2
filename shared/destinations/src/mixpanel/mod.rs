//! Mixpanel events over `/import` (docs.mixpanel.com/reference/import-events, 2026-08-21).

mod answer;
mod columns;
mod destination;
mod encoder;
mod json;
mod limits;
mod reserved;

pub use destination::{MixpanelEvents, MixpanelTarget};
pub use limits::BANNED_IDS;
