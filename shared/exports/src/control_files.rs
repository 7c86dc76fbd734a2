/// Names of control objects that producers write beside exports.
const NAMES: &[&str] = &[
    // Amplitude and Mixpanel raw pipelines: an hour or a day is complete.
    "complete",
    // Google Cloud Storage transfer and several connectors: keeps an empty folder alive.
    "dummy-object.txt",
];

/// Endings of control objects.
const ENDINGS: &[&str] = &[
    // Hadoop checksums, when someone copies a local folder.
    ".crc",
    // Athena query metadata.
    ".metadata",
    // Redshift UNLOAD MANIFEST: `<prefix>manifest`.
    "manifest",
    // Athena: the list of files of a query.
    "-manifest.csv",
    // Qlik Replicate: the schema beside a data file.
    ".dfm",
    // Half-written uploads of copy tools.
    ".tmp",
    // Hadoop's S3 folder marker.
    "_$folder$",
];

/// Whether an object is never an export: a marker, a manifest, a checksum, a folder.
///
/// True for keys that end in `/` (console folders); names that start with `_` (`_SUCCESS`, `_committed_…`, `_started_…`) or
/// `.` (`.part-….crc`, `.s3-optimization-…`); anything in a folder that starts with `_delta_log` or `awsdms_` (DMS control
/// tables); and the names and endings that Redshift, Athena, Hadoop, Qlik, Amplitude and Mixpanel use. The key is the whole object key; case matters as it does in S3.
pub fn is_control_file(key: &str) -> bool {
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    name.is_empty()
        || name.starts_with(['_', '.'])
        || NAMES.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || folders
            .split('/')
            .any(|folder| folder.starts_with("awsdms_") || folder == "_delta_log" || folder == "_temporary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_no_exports() {
        for key in [
            "a/",
            "a/_SUCCESS",
            "a/_committed_17",
            "a/.part-0.crc",
            "a/x.crc",
            "a/q.csv.metadata",
            "a/venue_manifest",
            "manifest",
            "a/q-manifest.csv",
            "LOAD1.dfm",
            "a/x.tmp",
            "h/complete",
            "dummy-object.txt",
            "a_$folder$",
            "t/awsdms_history/1.csv",
            "t/_delta_log/00000000000000000000.json",
            "a/.s3-optimization-0",
        ] {
            assert!(is_control_file(key), "{key}");
        }
    }

    #[test]
    fn exports_are_no_markers() {
        for key in [
            "a/part-00000-x-c000.snappy.parquet",
            "venue_0000_part_00",
            "data",
            "a/complete.csv",
            "x/_year=1/a.csv",
            "a/manifest.csv",
        ] {
            assert!(!is_control_file(key), "{key}");
        }
    }
}
