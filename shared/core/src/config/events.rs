use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AmplitudeEvents;

/// How a row becomes an event. Every column that is not named here becomes a property of its own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// Event name: `{ value: Purchase }` or `{ column: event_name }`.
    pub name: EventName,
    /// Event time.
    pub time: EventTime,
    /// Column of the user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Column of the device id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Column or columns that name a row. Without them the key is the row's mapped content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insert_id: Option<InsertIdColumns>,
    /// Group keys and the columns that hold their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, String>,
    /// Columns with a JSON object whose fields become properties. A column of the same name wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub json_properties: Vec<String>,
    /// Properties that are named otherwise than their columns, such as `$city: city_name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Columns that are not sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// If any is named: the columns that become properties of their own name, and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Which fields of `json_properties` become properties.
    #[serde(default, skip_serializing_if = "FieldRule::is_open")]
    pub json_fields: FieldRule,
    /// What to do with a row that has neither user nor device id although one is mapped.
    #[serde(default)]
    pub without_user: WithoutUser,
    /// What only Amplitude knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplitude: Option<AmplitudeEvents>,
}

/// The event name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EventName {
    /// One name for all rows.
    Value(String),
    /// From a column.
    Column(String),
}

/// The event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventTime {
    /// Column.
    pub column: String,
    /// IANA time zone of values that carry none. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Unit of numbers. Default: by magnitude (10, 13, 16 or 19 digits).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<TimeUnit>,
}

/// Unit of a numeric time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

/// The columns that name a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum InsertIdColumns {
    /// One column, hashed.
    One(String),
    /// Several columns, hashed together.
    Many(Vec<String>),
    /// One column; with `keep: true` its value is the insert_id, unchanged.
    Keep {
        /// Column.
        column: String,
        /// Pass the value through.
        #[serde(default)]
        keep: Keep,
        /// The column that names rows in which the first one is empty; its value is hashed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<String>,
    },
}

/// Whether a column's value is the insert_id itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Keep {
    /// Always, and a row with an illegal value is rejected; or never.
    Always(bool),
    /// Where the destination takes it; other values are hashed.
    Where(KeepWhere),
}

impl Default for Keep {
    fn default() -> Self {
        Self::Always(false)
    }
}

/// Where a column's value is the insert_id itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepWhere {
    /// Where the destination takes it.
    WhereLegal,
}

impl InsertIdColumns {
    /// The columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::One(column) | Self::Keep { column, .. } => vec![column],
            Self::Many(columns) => columns.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the value itself is the insert_id.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Keep { keep: Keep::Always(true) | Keep::Where(_), .. })
    }

    /// Whether a value that the destination does not take is hashed instead.
    pub fn hashes_illegal(&self) -> bool {
        matches!(self, Self::Keep { keep: Keep::Where(KeepWhere::WhereLegal), .. })
    }

    /// The column that names rows in which the others are empty.
    pub fn otherwise(&self) -> Option<&str> {
        match self {
            Self::Keep { otherwise, .. } => otherwise.as_deref(),
            _ => None,
        }
    }
}

/// Which fields of JSON columns become properties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FieldRule {
    /// If any is named: these, and no others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Not these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl FieldRule {
    /// Whether every field does.
    pub fn is_open(&self) -> bool {
        self.only.is_empty() && self.exclude.is_empty()
    }

    /// Whether a field does.
    pub fn takes(&self, field: &str) -> bool {
        let is = |names: &[String]| names.iter().any(|name| name == field);
        (self.only.is_empty() || is(&self.only)) && !is(&self.exclude)
    }
}

/// What to do with a row without any user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutUser {
    /// Quarantine it.
    #[default]
    Reject,
    /// Send it with an empty distinct_id: counted, but left out of per-user analysis.
    SendBlank,
}
