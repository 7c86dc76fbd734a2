//! The real core, the real readers and the real Mixpanel encoding on simulated ports, with seeded faults and a source that
//! changes meanwhile. When the faults stop, the destination must equal the source.

mod check;
mod destination;
mod harness;
mod mutants;
mod scenario;
mod sink;
mod source;

pub use harness::{Outcome, Setup, crash_points, simulate};
pub use mutants::Mutant;
pub use scenario::Scenario;
