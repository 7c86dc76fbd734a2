//! Amplitude's documented contract as pure functions over a [`project::Project`].
//!
//! Source, unless named: `amplitude.com/docs/apis/analytics/http-v2` and `…/batch-event-upload`, read on 2026-03-13.

pub mod batch;
pub mod deletion;
pub mod export;
pub mod form;
pub mod identify;
pub mod limits;
pub mod lookup_table;
pub mod mutation_file;
pub mod project;
pub mod throttle;
