//! What the tests across crates stand on: the simulated world around the real core, readers and destination, and AWS on
//! this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod aws;
pub mod simulation;
