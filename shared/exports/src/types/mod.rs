//! What the texts of text formats mean: declared and inferred column types.

mod convert;
mod infer;
mod numeric;
mod time;

pub(crate) use convert::{misfit, not_utf8, typed};
pub(crate) use infer::TypeGuess;
pub(crate) use numeric::{is_canonical_integer, is_canonical_number};
