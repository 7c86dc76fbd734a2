//! Parquet files: Arrow batches, whose cells are turned into values when rows are visited.

mod block;
mod cells;
mod chunks;
mod decimal;
mod nested;
mod open;
mod text;

pub(crate) use decimal::decimal_text;
pub(crate) use nested::{push_json_text, push_value};
pub(crate) use open::open;
pub(crate) use text::{bytes_text, shortest_float, time_text, uuid_text};
