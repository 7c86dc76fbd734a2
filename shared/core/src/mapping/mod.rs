//! What a value means, whatever format it came in: times, numbers, text. Pure functions.

mod filter;
mod history;
mod number;
mod source_row;
mod technical;
mod text;
mod time;

pub use filter::RowFilter;
pub use history::{ends_states, history_columns};
pub use number::{NumberText, number_text};
pub use source_row::{
    AFTER_FULL_LOADS, KEY_COLUMNS_MAX, Op, SourceRows, marks_deleted, op_of_values, well_known_deleted_column,
    well_known_order_column,
};
pub use technical::technical_columns;
pub use text::{canonical_text, truncate_utf8};
pub use time::{TimeZoneRule, needs_zone, parse_moment, time_ms_of, timestamp_text};
