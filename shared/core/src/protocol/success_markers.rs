//! `_SUCCESS`, which a job writes when it has written everything else.

use crate::model::ExportVersion;

/// Whether each export lies under a marker that is newer than every export under it. Without exports any marker will do.
pub(super) fn all_are_marked(exports: &[ExportVersion], markers: &[ExportVersion]) -> bool {
    let mut proven = Vec::new();
    for marker in markers {
        let folder = &marker.key[..marker.key.rfind('/').map_or(0, |at| at + 1)];
        let mut below = exports.iter().filter(|export| export.key.starts_with(folder));
        if below.all(|export| export.modified_ms <= marker.modified_ms) {
            proven.push(folder);
        }
    }
    !proven.is_empty() && exports.iter().all(|export| proven.iter().any(|folder| export.key.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(key: &str, modified_ms: i64) -> ExportVersion {
        ExportVersion { key: key.to_string(), modified_ms, etag: String::new(), size_bytes: 0, version_id: None }
    }

    #[test]
    fn a_marker_speaks_for_its_folder_and_those_below() {
        let exports = [at("t/d=1/a", 10), at("t/d=2/a", 20)];
        let marked = |markers: &[ExportVersion]| all_are_marked(&exports, markers);
        assert!(marked(&[at("t/_SUCCESS", 20)]));
        assert!(!marked(&[at("t/_SUCCESS", 19)]) && !marked(&[]));
        assert!(marked(&[at("t/d=1/_SUCCESS", 11), at("t/d=2/_SUCCESS", 21)]));
        // One folder is being written anew, and a later job wrote another.
        assert!(!marked(&[at("t/d=1/_SUCCESS", 9), at("t/d=2/_SUCCESS", 21)]));
        assert!(!marked(&[at("t/d=2/_SUCCESS", 21)]));
        assert!(marked(&[at("t/_SUCCESS", 15), at("t/_SUCCESS", 20), at("t/d=1/_SUCCESS", 1)]));
        assert!(all_are_marked(&[], &[at("t/_SUCCESS", 1)]) && !all_are_marked(&[], &[]));
    }
}
