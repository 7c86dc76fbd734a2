//! Mixpanel: events over `/import`, profiles of users over `/engage` and of groups over `/groups`, lookup tables
//! and merges of ids over `/import` (docs.mixpanel.com/reference, 2026-08-21); the history of profiles by a route that is
//! not documented.

mod answer;
mod array;
mod columns;
mod event_encoder;
mod events;
mod history;
mod history_encoder;
mod identities;
mod identity_encoder;
mod limits;
mod lookup_table;
mod profile_answer;
mod profile_encoder;
mod profiles;
mod reserved;
mod target;

pub use events::MixpanelEvents;
pub use history::MixpanelHistory;
pub use identities::MixpanelIdentities;
pub use limits::BANNED_IDS;
pub use lookup_table::MixpanelLookupTable;
pub use profiles::MixpanelProfiles;
pub use target::MixpanelTarget;
