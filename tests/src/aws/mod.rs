//! AWS on this machine: the emulator, functions as Lambda runs them, and a deployed stack.

mod binaries;
mod emulator;
mod event_source;
mod fault_proxy;
mod http_front;
mod lambda;
mod orders;
mod rig;
pub mod sam;
mod template;

pub use binaries::binaries;
pub use emulator::{Account, Emulator, tool};
pub use fault_proxy::{Fault, FaultProxy, FaultRule};
pub use http_front::HttpFront;
pub use lambda::{Function, Invoked, Lambda, Usage};
pub use orders::{orders_csv, orders_sync};
pub use rig::Rig;
pub use template::{FunctionDefinition, Template};
