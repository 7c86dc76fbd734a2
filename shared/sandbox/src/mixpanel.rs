//! Mixpanel's documented ingestion contract as pure functions.

pub mod answer;
pub mod auth;
pub mod decode;
pub mod dedupe;
pub mod identity;
pub mod import;
pub mod limits;
pub mod lookup_table;
pub mod profile;
pub mod shape;
pub mod validate;
