//! The core of Driftless: words, configuration, ports and the protocol that keeps a destination equal to a warehouse.
//!
//! Nothing here reads a clock, the environment, a file or a socket, and nothing draws a random number: every such thing
//! comes through [`ports`]. That is why the same code runs in a function, on one machine and in the seeded simulation.

pub mod config;
pub mod json;
pub mod ledger;
pub mod mapping;
pub mod model;
pub mod ports;
pub mod protocol;
