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
    /// Mirror of snapshots, each folder one of its own.
    FolderSnapshot,
    /// Full: snapshots without deletes.
    Full,
    /// User profiles, mirrored from a change feed.
    ProfileChange,
    /// Group profiles, mirrored from snapshots.
    ProfileSnapshot,
    /// New events, to Amplitude.
    AmplitudeAppend,
    /// Properties of Amplitude's groups, mirrored from a change feed.
    PropertyChange,
    /// Amplitude's mutation files, of a change feed.
    FileChange,
    /// Amplitude's mutation files, of snapshots.
    FileSnapshot,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Append,
        Self::AppendOff,
        Self::Change,
        Self::Snapshot,
        Self::FolderSnapshot,
        Self::Full,
        Self::ProfileChange,
        Self::ProfileSnapshot,
        Self::AmplitudeAppend,
        Self::PropertyChange,
        Self::FileChange,
        Self::FileSnapshot,
    ];

    /// Whether rows become profiles.
    pub fn is_profile(self) -> bool {
        matches!(self, Self::ProfileChange | Self::ProfileSnapshot | Self::PropertyChange)
    }

    /// Whether the destination is an Amplitude project.
    pub fn is_amplitude(self) -> bool {
        matches!(self, Self::AmplitudeAppend | Self::PropertyChange | Self::FileChange | Self::FileSnapshot)
    }

    /// Whether changes go out as files, which answer nothing.
    pub fn is_files(self) -> bool {
        matches!(self, Self::FileChange | Self::FileSnapshot)
    }

    /// Whether rows say insert, update or delete.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Change | Self::ProfileChange | Self::PropertyChange | Self::FileChange)
    }

    /// Whether exports hold the whole state.
    pub fn is_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::FolderSnapshot | Self::Full | Self::ProfileSnapshot | Self::FileSnapshot)
    }

    /// Whether rows never change.
    pub fn is_append(self) -> bool {
        matches!(self, Self::Append | Self::AppendOff | Self::AmplitudeAppend)
    }

    /// The sync's configuration, as a person would write it.
    pub fn config(self, hides_version: bool) -> SyncConfig {
        let (mode, source, more) = match self {
            Self::Append | Self::AmplitudeAppend => ("append", "feed: append", "dedupe: { window_days: 30 }"),
            Self::AppendOff => ("append", "feed: append", "dedupe: off"),
            _ if self.is_change() => ("mirror", "feed: change, order: { column: version }", ""),
            Self::FolderSnapshot => ("mirror", "feed: snapshot, complete: success_marker, snapshot_folders: 1", ""),
            Self::Full => ("full", "feed: snapshot, complete: success_marker", ""),
            _ => ("mirror", "feed: snapshot, complete: success_marker", ""),
        };
        let exclude = if hides_version { "[stamp, version]" } else { "[version]" };
        let op = if self.is_change() { ", op: { column: op }" } else { "" };
        let mapping = match self {
            Self::ProfileChange => format!("kind: user_profiles\nprofiles:\n  id: k\n  exclude: {exclude}\n"),
            Self::ProfileSnapshot | Self::PropertyChange => {
                format!("kind: group_profiles\nprofiles:\n  id: k\n  group_key: company\n  exclude: {exclude}\n")
            }
            _ => format!(
                "kind: events\nevents:\n  name: {{ column: event }}\n  time: {{ column: at }}\n  user_id: user\n  insert_id: k\n  exclude: {exclude}\n"
            ),
        };
        let yaml = format!(
            "destination: product\nmode: {mode}\nsource: {{ prefix: rows/, {source}{op} }}\n{mapping}\
             hold: {{ deletes_at_least: 1000, rejected_at_least: 1000 }}\nrun: {{ rows_max: 6 }}\n{more}\n"
        );
        parse_sync("sim.yaml", "sim", &yaml).expect("the simulated sync is valid")
    }
}
