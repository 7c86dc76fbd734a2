//! Amplitude: events over the batch API, changes of events as mutation files for its S3 Mirror Sync, properties of users
//! and groups over Identify and Group Identify, profiles as mutation files, lookup tables
//! (amplitude.com/docs, 2026-03-13).

mod columns;
mod event_answer;
mod event_encoder;
mod events;
mod ids;
mod limits;
mod lookup_table;
mod mutation_files;
mod profile_file_encoder;
mod properties;
mod property_encoder;
mod status;
mod target;

pub use events::AmplitudeEvents;
pub use lookup_table::AmplitudeLookupTable;
pub use mutation_files::{AmplitudeEventFiles, AmplitudeProfileFiles};
pub use properties::AmplitudeProperties;
pub use target::AmplitudeTarget;
