//! What the tests across crates stand on: the simulated world around the real core, readers and destination.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod simulation;
