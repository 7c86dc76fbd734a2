//! JSON text, scanned in one pass without building anything: what kind a value is, where it ends, whether it is whole.
//! Parsers of libraries turn numbers into floats or walk a value several times; here digits must stay and rows are many.

mod scan;
mod text;

pub use scan::{DEPTH_MAX, Fault, Scanned, after_colon, fault, is_json, skip_blank, text_end, value};
pub use text::unescaped;
