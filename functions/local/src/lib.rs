//! The `driftless` command: every function of the bundle in one process, on a folder of exports and embedded storage,
//! and the operator's tools.

pub mod cli;
mod commands;
mod demo;
pub mod engine;
mod output;
mod progress;
pub mod project;
mod secrets;
mod stack;
