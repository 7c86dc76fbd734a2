//! What the tests of every other crate stand on: ports in memory and the contract suites of the ports.

pub mod contract;
pub mod memory;
mod repository;
pub mod simulation;

pub use repository::{repository, shared};
