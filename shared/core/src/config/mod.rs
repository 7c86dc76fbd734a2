//! The project folder: `driftless.yaml` and `syncs/*.yaml`. Strict: an unknown field is an error with its path and the
//! nearest valid name; the JSON Schemas are generated from these types.

mod amplitude;
mod check;
mod check_project;
mod events;
mod files;
mod filter;
mod identities;
mod lookup_table;
mod parse;
mod profile_history;
mod profiles;
mod project;
mod secret_ref;
mod source;
mod support;
mod sync;

pub use amplitude::{
    AmplitudeConfig, AmplitudeEvents, AmplitudeField, AmplitudeProfiles, MutationColumn, MutationFilesConfig,
    amplitude_name,
};
pub use check::check_sync;
pub use check_project::AMPLITUDE_MIN_ID_LENGTH;
pub use events::{
    EventName, EventTime, EventsConfig, FieldRule, InsertIdColumns, Keep, KeepWhere, TimeUnit, WithoutUser,
};
pub use files::{ConfigFiles, Configuration, PROJECT_FILE};
pub use filter::Filter;
pub use identities::IdentitiesConfig;
pub use lookup_table::LookupTableConfig;
pub use parse::{ConfigError, parse_project, parse_sync, project_schema, sync_schema};
pub use profile_history::{HistoryProperty, HistoryType, ProfileHistoryConfig};
pub use profiles::ProfilesConfig;
pub use project::{DestinationConfig, IdMerge, MixpanelConfig, ProjectConfig, Region};
pub use secret_ref::SecretRef;
pub use source::{Complete, CsvOptions, EnvelopeRule, Feed, OpColumn, Order, PartitionRule, SourceConfig, Ties};
pub use support::{Support, support};
pub use sync::{Dedupe, Hold, Kind, Mode, RunLimits, Schedule, SchemaChanges, SyncConfig, Window};
