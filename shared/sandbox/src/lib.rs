//! A local stand-in for Mixpanel and Amplitude: a staging project in a box.
//!
//! It validates, deduplicates, limits and answers as both document it, keeps what it accepts, and shows what arrived.
//! [`mixpanel`], [`amplitude`] and [`faults`] are pure and deterministic (no clock, thread, I/O or randomness), so
//! a single-threaded simulation can use them directly; [`store`], [`server`] and [`page`] make them a program.

pub mod amplitude;
pub mod answer;
pub mod faults;
pub mod mixpanel;
pub mod page;
pub mod server;
pub mod store;
