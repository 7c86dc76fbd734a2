//! Bench data, a counting sink, and a runner that measures Driftless beside the tool that users
//! would pick instead. Everything stays on 127.0.0.1.

pub mod count;
pub mod format;
pub mod generate;
pub mod http;
pub mod measure;
pub mod prng;
pub mod report;
pub mod row;
pub mod runner;
pub mod sink;
pub mod sink_client;
pub mod tools;
mod words;
pub mod writers;

/// What this crate's functions fail with: a text for the person who runs a bench.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
