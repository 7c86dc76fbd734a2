//! What the tests of every other crate stand on: ports in memory and the contract suites of the ports.

pub mod contract;
pub mod memory;
pub mod simulation;
