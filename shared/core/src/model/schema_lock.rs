use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a CSV column or a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Text as it stands.
    String,
    /// A whole number without leading zeros.
    Integer,
    /// A decimal number.
    Number,
    /// true/false, t/f, yes/no are not guessed: only true/false in any case.
    Boolean,
    /// A point in time.
    Timestamp,
    /// A calendar day.
    Date,
    /// JSON text.
    Json,
}

impl ColumnType {
    /// What a column of it holds, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "whole numbers",
            Self::Number => "numbers",
            Self::Boolean => "true and false",
            Self::Timestamp => "times",
            Self::Date => "days",
            Self::Json => "JSON",
        }
    }

    /// Whether the difference to another one is worth a word: whole numbers are numbers.
    pub fn differs(self, other: Self) -> bool {
        let is_number = |kind| matches!(kind, Self::Integer | Self::Number);
        self != other && !(is_number(self) && is_number(other))
    }
}

/// How a producer writes CSV. Found once per sync, then locked and checked against every export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvDialect {
    /// Field delimiter.
    pub delimiter: u8,
    /// Quote character, if any.
    pub quote: Option<u8>,
    /// Escape character, if any; without one a quote is doubled.
    pub escape: Option<u8>,
    /// Whether the first line names the columns.
    pub header: bool,
    /// Column names of exports without a header.
    pub columns: Vec<String>,
    /// Unquoted spellings that mean null, beside the empty field.
    pub nulls: Vec<String>,
}

/// How a change log wraps each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// Debezium's change events: before, after, source, op.
    Debezium,
    /// Maxwell's messages: database, table, type, data.
    Maxwell,
    /// JSON messages of AWS DMS: data, metadata.
    Dms,
    /// Oracle GoldenGate's JSON: op_type, pos, before, after.
    GoldenGate,
    /// Canal's messages: data (a list of rows), type, isDdl.
    Canal,
    /// Airbyte's raw rows: `_airbyte_data`.
    Airbyte,
    /// Mixpanel's raw events: event, properties.
    Mixpanel,
    /// The groups of Amplitude's raw events: a row for each group of an event.
    AmplitudeGroups,
}

impl Envelope {
    /// Whether one record may hold several rows, or none.
    pub fn expands(self) -> bool {
        matches!(self, Self::Canal | Self::AmplitudeGroups)
    }

    /// Its producer's name, and what it is known by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debezium => "Debezium change events (before, after, source, op)",
            Self::Maxwell => "Maxwell messages (database, table, type, data)",
            Self::Dms => "AWS DMS messages (data, metadata)",
            Self::GoldenGate => "GoldenGate messages (op_type, pos, before, after)",
            Self::Canal => "Canal messages (data, type, isDdl)",
            Self::Airbyte => "raw rows of Airbyte (_airbyte_data)",
            Self::Mixpanel => "raw events of Mixpanel (event, properties)",
            Self::AmplitudeGroups => "groups of Amplitude events (groups, group_properties)",
        }
    }
}

/// What was found once about a sync's exports and holds from then on: a later export cannot silently change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchemaLock {
    /// CSV dialect, once a CSV export was seen.
    pub csv: Option<CsvDialect>,
    /// Column types of text formats: declared ones, and those inferred from the first rows of a column.
    pub types: BTreeMap<String, ColumnType>,
    /// What columns held when they were last looked at, to name those that hold something else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, ColumnType>,
    /// Whether `types` of a column was declared in the sync (a mismatch rejects the row) or inferred (it is sent as text and counted).
    pub declared: std::collections::BTreeSet<String>,
    /// The op column that was found, once a change feed was seen.
    pub op_column: Option<String>,
    /// The order column that was found.
    pub order_column: Option<String>,
    /// Of these, columns that the latest snapshot no longer had: named once.
    #[serde(skip_serializing_if = "std::collections::BTreeSet::is_empty")]
    pub gone: std::collections::BTreeSet<String>,
    /// Digest of the mapping that rows were last planned under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<String>,
    /// The wrapping of a change log's rows, once one was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// Columns of the first CSV export with a header, in order, or those that a manifest names: the names of what comes
    /// without one beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
    /// Whether the exports are those of AWS DMS: change files with a first column Op, full loads without one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dms: bool,
    /// Whether the exports are a Delta table, whose log says which of its files count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delta: bool,
    /// Columns that came later and that rows which were sent before may lack (`schema_changes: new_rows_only`).
    #[serde(skip_serializing_if = "std::collections::BTreeSet::is_empty")]
    pub adopted: std::collections::BTreeSet<String>,
    /// Columns that are not looked at, to see a row as it was before they came. Never kept.
    #[serde(skip)]
    pub hidden: std::collections::BTreeSet<String>,
    /// Every column seen so far, to name added and dropped ones.
    pub columns: std::collections::BTreeSet<String>,
}
