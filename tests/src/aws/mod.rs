//! AWS on this machine: the emulator, functions as Lambda runs them, and a deployed stack.

mod binaries;
mod emulator;
mod event_source;
mod lambda;
mod orders;
mod rig;

pub use emulator::{Account, Emulator};
pub use lambda::{Function, Invoked, Lambda, Usage};
pub use orders::{orders_csv, orders_sync};
pub use rig::Rig;
