//! What a value means, whatever format it came in: times, numbers, text. Pure functions.

mod number;
mod source_row;
mod text;
mod time;

pub use number::{NumberText, number_text};
pub use source_row::{Op, SourceRows, op_of_values, well_known_order_column};
pub use text::{canonical_text, truncate_utf8};
pub use time::{TimeZoneRule, parse_moment, time_ms_of, timestamp_text};
