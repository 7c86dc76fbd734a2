//! A local stand-in for Mixpanel's event ingestion: a staging project in a box.
//!
//! It validates, deduplicates, limits and answers as Mixpanel documents it for `POST /import`, keeps every accepted copy,
//! and shows what arrived. [`mixpanel`] and [`faults`] are pure and deterministic (no clock, thread, I/O or randomness), so
//! a single-threaded simulation can use them directly; [`store`], [`server`] and [`page`] make them a program.

pub mod faults;
pub mod mixpanel;
pub mod page;
pub mod server;
pub mod store;
