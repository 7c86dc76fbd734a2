//! Whole exports: any way of reading the same bytes gives the same rows.

mod bytes;
mod csv;
mod formats;
mod json;
mod rates;
mod splits;
