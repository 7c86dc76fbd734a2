//! JSON lines, concatenated JSON objects, and one array of objects.

mod elements;
mod layout;
mod lines;
mod object;
mod parser;
mod shape;

pub(crate) use elements::Elements;
pub(crate) use layout::{Layout, layout_of};
pub(crate) use lines::Lines;
pub(crate) use parser::JsonParser;
