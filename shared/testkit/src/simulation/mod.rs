//! Deterministic simulation: one thread, virtual time, one seed. Every call of a port is a point at which the task may be
//! delayed, stalled, killed, refused, or have its answer lost. The same seed gives the same run, to the last step.

mod exports;
mod faults;
mod ports;
mod random;
mod tasks;
mod world;

pub use exports::SimExports;
pub use faults::{Fault, FaultRates};
pub use ports::{SimBlobs, SimQueue, SimRowStates, SimTable};
pub use random::Random;
pub use tasks::Tasks;
pub use world::{SimClock, SimIds, SimLiveness, World};
