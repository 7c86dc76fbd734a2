use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::ColumnType;

/// Which exports a sync reads and how they carry change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Exports whose key starts with this, under the project's `exports`.
    pub prefix: String,
    /// How exports carry change.
    #[serde(default)]
    pub feed: Feed,
    /// When a snapshot counts as complete. Without proof nothing is ever deleted by absence.
    #[serde(default)]
    pub complete: Complete,
    /// The column that says insert, update or delete in a change feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpColumn>,
    /// What orders the changes of one key.
    #[serde(default)]
    pub order: Order,
    /// What counts if two rows of a key have the same place in that order.
    #[serde(default)]
    pub ties: Ties,
    /// How CSV is written, where it should not be detected.
    #[serde(default)]
    pub csv: CsvOptions,
    /// How a change log wraps its rows, where it should not be detected.
    #[serde(default)]
    pub envelope: EnvelopeRule,
    /// What `name=value` folders in an export's path are.
    #[serde(default)]
    pub partitions: PartitionRule,
    /// How many levels of folders below the prefix name a snapshot of its own: rows of a folder that is gone stay. 0: all
    /// exports below the prefix are one snapshot.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub snapshot_folders: u8,
    /// Types of columns of text formats, where they should not be inferred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ColumnType>,
}

impl SourceConfig {
    /// The snapshot that an export belongs to: its folder as deep as `snapshot_folders` says, with the `/` at its end; the
    /// empty text where everything is one snapshot.
    pub fn snapshot_folder<'a>(&self, export: &'a str) -> &'a str {
        let below = export.get(self.prefix.len()..).unwrap_or_default();
        match below.match_indices('/').take(usize::from(self.snapshot_folders)).last() {
            Some((at, _)) => &export[..self.prefix.len() + at + 1],
            None if self.snapshot_folders == 0 => "",
            None => &export[..export.len() - below.len()],
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// What `name=value` folders in an export's path are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartitionRule {
    /// Folders. A partition by the day of the unload is no part of a row: as a column it would change every row each day.
    #[default]
    Ignore,
    /// Columns with text in them, where the rows have none of that name.
    Columns,
}

/// How a change log wraps its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeRule {
    /// As the first rows show.
    #[default]
    Auto,
    /// Not at all: columns named before, after, data are ordinary ones.
    None,
    /// Debezium's change events.
    Debezium,
    /// Maxwell's messages.
    Maxwell,
    /// JSON messages of AWS DMS.
    Dms,
    /// Oracle GoldenGate's JSON.
    GoldenGate,
    /// Canal's messages.
    Canal,
    /// Airbyte's raw rows: the row as JSON in `_airbyte_data`.
    Airbyte,
    /// Mixpanel's raw events: the row as JSON in `properties`, and `event`.
    Mixpanel,
    /// The groups of Amplitude's raw events, one row each: group_type, group_id, event_time, properties.
    AmplitudeGroups,
}

/// How exports carry change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// By mode and by what the first rows show.
    #[default]
    Auto,
    /// New facts.
    Append,
    /// Rows say insert, update or delete.
    Change,
    /// The complete set of rows.
    Snapshot,
}

impl Feed {
    /// The word of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Append => "append",
            Self::Change => "change",
            Self::Snapshot => "snapshot",
        }
    }
}

/// When a snapshot counts as complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Complete {
    /// A manifest or success marker, if there is one; else no proof.
    #[default]
    Auto,
    /// A manifest that lists the files.
    Manifest,
    /// A `_SUCCESS` object newer than every export.
    SuccessMarker,
    /// Every export is a whole snapshot; the newest counts.
    EachFile,
    /// No export is younger than this.
    QuietMinutes(u32),
    /// A person's `driftless sync` is the word that the exports are complete.
    SyncNow,
}

/// The op column of a change feed. Values are compared without case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpColumn {
    /// Column.
    pub column: String,
    /// Values that mean: the row is there with this content. Empty: the well-known ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upsert: Vec<String>,
    /// Values that mean: the key is gone. Empty: the well-known ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
    /// Values that mean: this is how an updated row looked before. Empty: the well-known ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_image: Vec<String>,
}

/// What orders the changes of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A well-known order column if there is one; else only runs are ordered, and a key with conflicting rows in one run is quarantined.
    #[default]
    Auto,
    /// A column with numbers, times or fixed-width codes that grow.
    Column(String),
    /// Exports by name, then rows: for log shippers, whose file names are times.
    Delivery,
}

/// What counts if two rows of a key have the same place in the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The later one in a change log that is written in order; else neither, if they differ.
    #[default]
    Auto,
    /// The one that was delivered later: exports by name, then rows.
    Delivery,
}

/// How CSV is written. What is not said is detected once and then locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvOptions {
    /// One character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// One character; the empty text means that nothing is quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// One character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<char>,
    /// Whether the first line names the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Column names of exports without a header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Unquoted spellings of null. Default: the empty field and `\N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_below_the_prefix_are_snapshots_as_deep_as_said() {
        let folder = |prefix: &str, levels: u8, export| {
            let config = format!("{{\"prefix\":\"{prefix}\",\"snapshot_folders\":{levels}}}");
            let source: SourceConfig = serde_json::from_str(&config).unwrap();
            source.snapshot_folder(export).to_string()
        };
        assert_eq!(folder("t/", 0, "t/dt=1/a.csv"), "");
        assert_eq!(folder("t/", 1, "t/dt=1/country=US/a.csv"), "t/dt=1/");
        assert_eq!(folder("t/", 2, "t/dt=1/country=US/a.csv"), "t/dt=1/country=US/");
        assert_eq!(folder("t/", 2, "t/dt=1/a.csv"), "t/dt=1/");
        assert_eq!(folder("t/", 1, "t/a.csv"), "t/");
        assert_eq!(folder("", 1, "2026/a.csv"), "2026/");
        assert_eq!(folder("", 1, "a.csv"), "");
    }
}
