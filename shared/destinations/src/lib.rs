//! Destinations: changes become requests, responses become outcomes. No HTTP client and no clock in here.

pub mod amplitude;
mod answers;
mod event_parts;
mod gzip;
mod json;
pub mod mixpanel;
mod profile_columns;
mod properties;
mod sync_of;
mod table_encoder;
mod value_rules;

pub use sync_of::sync_of;
