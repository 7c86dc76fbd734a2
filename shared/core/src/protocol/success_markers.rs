//! `_SUCCESS`, which a job writes when it has written everything else.

use std::collections::BTreeMap;

use crate::config::SourceConfig;
use crate::model::ExportVersion;

/// The first snapshot that no marker proves, by its folder; `None` if all are proven. A marker speaks for those exports of
/// a snapshot that lie under it, if it is newer than all of them: where folders are snapshots of their own, one that was
/// written since, with a marker of its own, takes nothing from those beside it. Without exports any marker will do.
pub(super) fn first_unmarked<'a>(
    source: &'a SourceConfig,
    exports: &'a [ExportVersion],
    markers: &[ExportVersion],
) -> Option<&'a str> {
    let mut snapshots: BTreeMap<&str, Vec<&ExportVersion>> = BTreeMap::new();
    for export in exports {
        snapshots.entry(source.snapshot_folder(&export.key)).or_default().push(export);
    }
    if snapshots.is_empty() {
        return markers.is_empty().then_some(&source.prefix);
    }
    let unmarked = snapshots.into_iter().find(|(_, exports)| !are_marked(exports, markers));
    unmarked.map(|(folder, _)| if folder.is_empty() { &source.prefix } else { folder })
}

fn are_marked(exports: &[&ExportVersion], markers: &[ExportVersion]) -> bool {
    let mut proven = Vec::new();
    for marker in markers {
        let folder = &marker.key[..marker.key.rfind('/').map_or(0, |at| at + 1)];
        let mut below = exports.iter().filter(|export| export.key.starts_with(folder));
        if below.all(|export| export.modified_ms <= marker.modified_ms) {
            proven.push(folder);
        }
    }
    exports.iter().all(|export| proven.iter().any(|folder| export.key.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(snapshot_folders: u8) -> SourceConfig {
        serde_json::from_value(serde_json::json!({ "prefix": "t/", "snapshot_folders": snapshot_folders })).unwrap()
    }

    fn at(key: &str, modified_ms: i64) -> ExportVersion {
        ExportVersion { key: key.to_string(), modified_ms, etag: String::new(), size_bytes: 0, version_id: None }
    }

    #[test]
    fn a_marker_speaks_for_its_folder_and_those_below() {
        let exports = [at("t/d=1/a", 10), at("t/d=2/a", 20)];
        let source = source(0);
        let marked = |markers: &[ExportVersion]| first_unmarked(&source, &exports, markers).is_none();
        assert!(marked(&[at("t/_SUCCESS", 20)]));
        assert!(!marked(&[at("t/_SUCCESS", 19)]) && !marked(&[]));
        assert!(marked(&[at("t/d=1/_SUCCESS", 11), at("t/d=2/_SUCCESS", 21)]));
        // One folder is being written anew, and a later job wrote another.
        assert!(!marked(&[at("t/d=1/_SUCCESS", 9), at("t/d=2/_SUCCESS", 21)]));
        assert!(!marked(&[at("t/d=2/_SUCCESS", 21)]));
        assert!(marked(&[at("t/_SUCCESS", 15), at("t/_SUCCESS", 20), at("t/d=1/_SUCCESS", 1)]));
        assert_eq!(first_unmarked(&source, &[], &[at("t/_SUCCESS", 1)]), None);
        assert_eq!(first_unmarked(&source, &[], &[]), Some("t/"));
    }

    #[test]
    fn a_folder_written_later_leaves_those_beside_it_marked() {
        let exports = [at("t/d=1/a", 10), at("t/d=2/a", 30)];
        let markers = [at("t/_SUCCESS", 20), at("t/d=2/_SUCCESS", 31)];
        assert_eq!(first_unmarked(&source(1), &exports, &markers), None);
        assert_eq!(first_unmarked(&source(1), &exports, &markers[..1]), Some("t/d=2/"));
        assert_eq!(first_unmarked(&source(0), &exports, &markers), Some("t/"));
    }
}
