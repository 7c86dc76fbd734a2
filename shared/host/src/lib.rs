//! What any process gives the core, on one machine and in AWS: a clock, random ids, threads for work, and HTTP with
//! credentials that a [`Secrets`] finds, and objects beside it.

mod http_transport;
mod objects;
mod random_ids;
mod secrets;
mod system_clock;
mod thread_compute;

pub use http_transport::{HttpTransport, basic_auth};
pub use objects::Objects;
pub use random_ids::RandomIds;
pub use secrets::Secrets;
pub use system_clock::SystemClock;
pub use thread_compute::ThreadCompute;
