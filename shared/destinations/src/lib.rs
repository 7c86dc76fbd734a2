//! Destinations: changes become requests, responses become outcomes. No HTTP client and no clock in here.

pub mod mixpanel;
mod sync_of;

pub use sync_of::sync_of;
