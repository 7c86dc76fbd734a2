//! AWS on this machine: the emulator, functions as Lambda runs them, and a deployed stack.

mod binaries;
mod emulator;
mod event_source;
mod lambda;
mod rig;

pub use emulator::{Account, Emulator};
pub use lambda::{Function, Invoked, Lambda, Usage};
pub use rig::Rig;
