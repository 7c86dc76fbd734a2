use driftless_core::config::{SyncConfig, parse_sync};

/// Which kind of sync is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Append with a dedupe window.
    Append,
    /// Append without row state: runs overlap.
    AppendOff,
    /// Mirror of a change feed.
    Change,
    /// Mirror of snapshots.
    Snapshot,
    /// Full: snapshots without deletes.
    Full,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Append, Self::AppendOff, Self::Change, Self::Snapshot, Self::Full];

    /// Whether exports hold the whole state.
    pub fn is_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::Full)
    }

    /// Whether rows never change.
    pub fn is_append(self) -> bool {
        matches!(self, Self::Append | Self::AppendOff)
    }

    /// The sync's configuration, as a person would write it.
    pub fn config(self, hides_version: bool) -> SyncConfig {
        let (mode, source, more) = match self {
            Self::Append => ("append", "feed: append", "dedupe: { window_days: 30 }"),
            Self::AppendOff => ("append", "feed: append", "dedupe: off"),
            Self::Change => ("mirror", "feed: change, order: { column: version }", ""),
            Self::Snapshot => ("mirror", "feed: snapshot, complete: success_marker", ""),
            Self::Full => ("full", "feed: snapshot, complete: success_marker", ""),
        };
        let exclude = if hides_version { "[stamp, version]" } else { "[version]" };
        let op = if self == Self::Change { ", op: { column: op }" } else { "" };
        let yaml = format!(
            "destination: product\nkind: events\nmode: {mode}\nsource: {{ prefix: rows/, {source}{op} }}\n\
             events:\n  name: {{ column: event }}\n  time: {{ column: at }}\n  user_id: user\n  insert_id: k\n  exclude: {exclude}\n\
             hold: {{ deletes_at_least: 1000, rejected_at_least: 1000 }}\nrun: {{ rows_max: 6 }}\n{more}\n"
        );
        parse_sync("sim.yaml", "sim", &yaml).expect("the simulated sync is valid")
    }
}
