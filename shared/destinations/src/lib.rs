//! Destinations: changes become requests, responses become outcomes. No HTTP client and no clock in here.

pub mod mixpanel;
