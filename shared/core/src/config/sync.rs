use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EventTime, EventsConfig, Filter, IdentitiesConfig, InsertIdColumns, LookupTableConfig, ProfileHistoryConfig,
    ProfilesConfig, SourceConfig,
};

/// `syncs/NAME.yaml`: exports under a prefix become one kind of record at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncConfig {
    /// The sync's name: the file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// Name of a destination of `driftless.yaml`.
    pub destination: String,
    /// What rows become.
    pub kind: Kind,
    /// How the destination follows the source.
    pub mode: Mode,
    /// The exports.
    pub source: SourceConfig,
    /// The mapping of `kind: events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventsConfig>,
    /// The mapping of `kind: user_profiles` and `kind: group_profiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<ProfilesConfig>,
    /// The mapping of `kind: profile_history`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_history: Option<ProfileHistoryConfig>,
    /// The mapping of `kind: lookup_table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_table: Option<LookupTableConfig>,
    /// The mapping of `kind: identities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<IdentitiesConfig>,
    /// Only rows with a time in here.
    #[serde(default, skip_serializing_if = "Window::is_open")]
    pub window: Window,
    /// Only such rows.
    #[serde(default, skip_serializing_if = "Filter::is_open")]
    pub filter: Filter,
    /// When it starts by itself under `--watch`.
    #[serde(default)]
    pub schedule: Schedule,
    /// What becomes of rows that were sent, when columns or the mapping change.
    #[serde(default)]
    pub schema_changes: SchemaChanges,
    /// When a plan waits for a person.
    #[serde(default)]
    pub hold: Hold,
    /// Row state of an append feed. Default: a window of 30 days; `off` for one_time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<Dedupe>,
    /// What the insert_id is hashed with beside the key. Default: the sync's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Bounds of one run.
    #[serde(default)]
    pub run: RunLimits,
}

/// Days that an append feed remembers its keys, unless configured.
const DEDUPE_WINDOW_DAYS: u32 = 30;

impl SyncConfig {
    /// The namespace of insert ids.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(&self.name)
    }

    /// The columns that name a row; without any, its content does.
    pub fn key_columns(&self) -> Vec<&str> {
        let events = self.events.as_ref().and_then(|events| events.insert_id.as_ref());
        let profiles = self.profiles.as_ref().map(|profiles| profiles.id.as_str());
        let history = self.profile_history.as_ref();
        let history = history.into_iter().flat_map(|history| [history.id.as_str(), history.start_time.column.as_str()]);
        let table = self.lookup_table.as_ref().map(|table| table.key.as_str());
        let ids = self.identities.iter().flat_map(|ids| [ids.user_id.as_str(), ids.device_id.as_str()]);
        let events = events.map(InsertIdColumns::columns).unwrap_or_default().into_iter();
        events.chain(profiles).chain(history).chain(table).chain(ids).collect()
    }

    /// The time of a row and the field that names it, where rows have one.
    pub fn time(&self) -> Option<(&'static str, &EventTime)> {
        let events = self.events.as_ref().map(|events| ("events.time", &events.time));
        events.or_else(|| Some(("profile_history.start_time", &self.profile_history.as_ref()?.start_time)))
    }

    /// Whether rows are of users, who may ask to be forgotten.
    pub fn is_of_users(&self) -> bool {
        match self.kind {
            Kind::Events | Kind::UserProfiles | Kind::Identities => true,
            Kind::ProfileHistory => self.profile_history.as_ref().is_some_and(|history| history.group_key.is_none()),
            Kind::GroupProfiles | Kind::LookupTable => false,
        }
    }

    /// Whether a row's insert_id is a column's value itself.
    pub fn keeps_insert_id(&self) -> bool {
        let columns = self.events.as_ref().and_then(|events| events.insert_id.as_ref());
        columns.is_some_and(InsertIdColumns::keeps)
    }

    /// Whether a row's value that cannot be the insert_id is hashed.
    pub fn hashes_illegal_insert_id(&self) -> bool {
        let columns = self.events.as_ref().and_then(|events| events.insert_id.as_ref());
        columns.is_some_and(InsertIdColumns::hashes_illegal)
    }

    /// The column that names rows in which the key column is empty.
    pub fn otherwise_key(&self) -> Option<&str> {
        self.events.as_ref()?.insert_id.as_ref()?.otherwise()
    }

    /// The dedupe window of an append feed in days, if keys are remembered.
    pub fn dedupe_days(&self) -> Option<u32> {
        match (&self.dedupe, self.mode) {
            (Some(Dedupe::Off), _) | (None, Mode::OneTime) => None,
            (Some(Dedupe::WindowDays(days)), _) => Some(*days),
            (None, _) => Some(DEDUPE_WINDOW_DAYS),
        }
    }
}

/// What rows become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Events.
    Events,
    /// What is known of users.
    UserProfiles,
    /// What is known of groups, such as companies.
    GroupProfiles,
    /// What was known of users or groups, and from when on.
    ProfileHistory,
    /// A table that explains the values of a property.
    LookupTable,
    /// Which device is whose, for projects that have to be told.
    Identities,
}

impl Kind {
    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::UserProfiles => "user_profiles",
            Self::GroupProfiles => "group_profiles",
            Self::ProfileHistory => "profile_history",
            Self::LookupTable => "lookup_table",
            Self::Identities => "identities",
        }
    }

    /// The field of the configuration that holds its mapping.
    pub fn mapping(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::UserProfiles | Self::GroupProfiles => "profiles",
            Self::ProfileHistory => "profile_history",
            Self::LookupTable => "lookup_table",
            Self::Identities => "identities",
        }
    }

    /// What one line of a request is, for people.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Events => "event",
            Self::UserProfiles => "user profile update",
            Self::GroupProfiles => "group profile update",
            Self::ProfileHistory => "history row",
            Self::LookupTable => "table row",
            Self::Identities => "id merge",
        }
    }

    /// Whether the destination bills what is sent.
    pub fn is_billed(self) -> bool {
        matches!(self, Self::Events | Self::ProfileHistory)
    }
}

/// How the destination follows the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Inserts, updates and deletes.
    Mirror,
    /// New rows only.
    Append,
    /// New and changed rows of whole snapshots; nothing is deleted.
    Full,
    /// What is there now, once.
    OneTime,
}

impl Mode {
    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Append => "append",
            Self::Full => "full",
            Self::OneTime => "one_time",
        }
    }
}

/// What becomes of rows that were sent, when columns or the mapping change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaChanges {
    /// They are updated; as any update, within `hold.billable_over`.
    #[default]
    Apply,
    /// The plan waits for a person if any is updated.
    Hold,
    /// Rows that differ only in new columns stay as they were sent until something else about them changes. Where columns
    /// went or the mapping changed, the plan waits for a person.
    NewRowsOnly,
}

/// Rows with `from <= time < until`: the cut-over filter of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First moment, a date or a time with zone (UTC for a date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First moment that is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Window {
    fn is_open(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}

/// When a sync starts by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Whenever something new is seen.
    #[default]
    OnChange,
    /// Only when a person asks.
    Manual,
    /// Every hour.
    Hourly,
    /// Every day.
    Daily,
}

/// Guards. Each can be changed; each is on by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hold {
    /// Hold a plan with more billable mutations than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billable_over: Option<u64>,
    /// Hold a plan with this many times the average of the latest runs (after three runs, and over 10,000 mutations).
    pub billable_times_average: u32,
    /// Hold a plan that deletes more than this share of the live rows...
    pub deletes_over_percent: u8,
    /// ...and at least this many.
    pub deletes_at_least: u64,
    /// Hold a plan that rejects more than this share of its rows...
    pub rejected_over_percent: u8,
    /// ...and at least this many.
    pub rejected_at_least: u64,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            billable_over: None,
            billable_times_average: 10,
            deletes_over_percent: 10,
            deletes_at_least: 100,
            rejected_over_percent: 5,
            rejected_at_least: 100,
        }
    }
}

/// Row state of an append feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// Keys are not remembered: the same row in another export is sent again (under the same insert_id).
    Off,
    /// Keys are remembered for so many days.
    WindowDays(u32),
}

/// Bounds of one run of a feed. What is left over starts the next run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunLimits {
    /// Rows. Default: 100,000; 1,000,000 where runs have to be a while apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_max: Option<u64>,
}

/// Rows of a run, unless configured.
const ROWS_PER_RUN: u64 = 100_000;
/// The same where the next run has to wait.
const ROWS_PER_RUN_APART: u64 = 1_000_000;

impl RunLimits {
    /// Rows of a run, of which the next one has to wait or not.
    pub fn rows_max(&self, runs_are_apart: bool) -> u64 {
        self.rows_max.unwrap_or(if runs_are_apart { ROWS_PER_RUN_APART } else { ROWS_PER_RUN })
    }
}
