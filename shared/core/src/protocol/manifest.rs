//! The list of files that an unload wrote, as Redshift's `UNLOAD ... MANIFEST [VERBOSE]` writes it.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

use super::ProtocolError;
use super::limits::{MANIFEST_BYTES_MAX, PAGE};
use super::snapshot::Snapshot;
use crate::config::SourceConfig;
use crate::model::ExportVersion;
use crate::ports::Ports;

/// An export, and the folder whose manifest speaks for it.
type Governed<'a> = (&'a ExportVersion, Option<&'a str>);

/// Takes the files that manifests list, and nothing else of their folders, if every one is there. Of several in one folder
/// the last by name counts. Where folders are snapshots of their own, a manifest is that of its folder and of those below
/// it that have none. Returns exports of folders without one, which stay in the snapshot.
pub(super) async fn read_manifests(
    ports: &Ports,
    source: &SourceConfig,
    manifests: &[ExportVersion],
    snapshot: &mut Snapshot,
) -> Result<Vec<ExportVersion>, ProtocolError> {
    let last: BTreeMap<&str, &ExportVersion> = manifests.iter().map(|m| (source.snapshot_folder(&m.key), m)).collect();
    let exports = std::mem::take(&mut snapshot.exports);
    let mut by_key: BTreeMap<&str, Governed> = BTreeMap::new();
    for export in &exports {
        let folder = source.snapshot_folder(&export.key);
        let above = last.keys().copied().filter(|above| folder.starts_with(above)).max_by_key(|above| above.len());
        by_key.insert(&export.key, (export, above));
    }
    let mut proofs = Vec::new();
    for (folder, manifest) in last {
        let of_folder = read_manifest(ports, manifest, folder, &by_key).await?;
        snapshot.exports.extend(of_folder.exports);
        snapshot.waits_for = snapshot.waits_for.take().or(of_folder.waits_for);
        proofs.extend(of_folder.proof);
    }
    let unlisted: Vec<ExportVersion> =
        by_key.into_values().filter(|(_, above)| above.is_none()).map(|(export, _)| export.clone()).collect();
    if snapshot.waits_for.is_some() {
        // Something is there and not all of it, which is not the same as nothing.
        snapshot.exports = exports;
        return Ok(unlisted);
    }
    snapshot.exports.extend(unlisted.iter().cloned());
    snapshot.exports.sort_by(|a, b| a.key.cmp(&b.key));
    snapshot.exports.dedup_by(|a, b| a.key == b.key);
    snapshot.proof = match &proofs[..] {
        [one] => Some(one.clone()),
        all => Some(format!("{} manifests list their files", all.len())),
    };
    Ok(unlisted)
}

/// The files of a folder that its manifest lists, if every one that it lists is there, and as long as it says. For a file
/// in a folder below with a manifest of its own that one speaks.
async fn read_manifest(
    ports: &Ports,
    manifest: &ExportVersion,
    folder: &str,
    by_key: &BTreeMap<&str, Governed<'_>>,
) -> Result<Snapshot, ProtocolError> {
    let refuse = |cause: &str| {
        ProtocolError::Halt(format!(
            "{}: {cause}. Write {{\"entries\":[{{\"url\":\"...\"}}]}}, or remove it and choose another source.complete",
            manifest.key
        ))
    };
    let text = read_small(ports, manifest).await?.ok_or_else(|| refuse("the manifest is too large to be one"))?;
    let entries = entries_of(&text).map_err(refuse)?;
    let mut snapshot = Snapshot::default();
    let waits = |reason: String| Ok(Snapshot { waits_for: Some(reason), ..Snapshot::default() });
    for entry in entries {
        let url = entry.get("url").and_then(Value::as_str).ok_or_else(|| refuse("an entry has no url"))?;
        // The url names bucket and key; the exports root may lie anywhere above, so the longest key that ends it counts.
        let ends = url.match_indices('/').map(|(at, _)| &url[at + 1..]);
        let Some((export, above)) = std::iter::once(url).chain(ends).find_map(|end| by_key.get(end)) else {
            return waits(format!("{} lists files that are not there yet", manifest.key));
        };
        if *above != Some(folder) {
            continue;
        }
        let length = entry.get("meta").and_then(|meta| meta.get("content_length")).and_then(Value::as_u64);
        if length.is_some_and(|length| length != export.size_bytes) {
            return waits(format!(
                "{} lists {} with another length: it is being written anew",
                manifest.key, export.key
            ));
        }
        snapshot.exports.push((*export).clone());
    }
    snapshot.proof = Some(format!("{} lists its files", manifest.key));
    Ok(snapshot)
}

/// Objects that are looked through for a manifest with names, from the first on: as many as two snapshots have, and more.
const SEARCHED_MAX: usize = 10 * PAGE;

/// The names of columns that a manifest under a prefix tells of, as a verbose one of Redshift does; none if none does.
pub(super) async fn columns_of_manifest(ports: &Ports, prefix: &str) -> Result<Vec<String>, ProtocolError> {
    let (mut after, mut seen) = (None::<String>, 0);
    while seen < SEARCHED_MAX {
        let page = ports.exports.list(prefix, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        (after, seen) = (Some(last.key.clone()), seen + page.len());
        for object in page.iter().filter(|object| object.key.ends_with("manifest")) {
            if let Some(text) = read_small(ports, object).await?
                && let Some(names) = names_of(&text)
            {
                return Ok(names);
            }
        }
    }
    Ok(Vec::new())
}

/// `"schema": {"elements": [{"name": "venueid", "type": …}, …]}`, where the types may be no JSON.
fn names_of(text: &str) -> Option<Vec<String>> {
    let (_, schema) = text.split_once("\"schema\"")?;
    let (_, elements) = schema.split_once("\"elements\"")?;
    let (elements, _) = elements.split_once(']')?;
    let name = |rest: &str| {
        let value = rest.trim_start().strip_prefix(':')?;
        serde_json::Deserializer::from_str(value).into_iter::<String>().next()?.ok()
    };
    let names: Option<Vec<String>> = elements.split("\"name\"").skip(1).map(name).collect();
    names.filter(|names| !names.is_empty())
}

/// The text of a small object; `None` if it is larger than any of its kind.
pub(super) async fn read_small(ports: &Ports, object: &ExportVersion) -> Result<Option<String>, ProtocolError> {
    if object.size_bytes > MANIFEST_BYTES_MAX {
        return Ok(None);
    }
    let mut text = String::new();
    let read = ports.exports.open(object).await?.read_to_string(&mut text);
    read.map_err(|e| ProtocolError::Retry(format!("{}: {e}", object.key)))?;
    Ok(Some(text))
}

/// The entries. A verbose manifest has a schema beside them that is not always JSON, so only they are read then
/// (docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD_command_examples.html, 2026-11).
fn entries_of(text: &str) -> Result<Vec<Value>, &'static str> {
    let entries = match serde_json::from_str::<Value>(text) {
        Ok(mut json) => json.get_mut("entries").map(Value::take),
        Err(_) => {
            let after = text.split_once("\"entries\"").and_then(|(_, rest)| rest.split_once(':'));
            let (_, rest) = after.ok_or("the manifest is not JSON")?;
            let first = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next();
            Some(first.and_then(Result::ok).ok_or("the manifest is not JSON")?)
        }
    };
    match entries {
        Some(Value::Array(entries)) => Ok(entries),
        _ => Err("the manifest has no entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_verbose_manifest_may_be_no_json() {
        let verbose = r#"{"entries": [{"url":"s3://b/venue_0000_part_00","meta":{"content_length":32295}}],
            "schema": {"elements": [{"name": "venuename", "type": { "base": "character varying", 25 }}]}}"#;
        let entries = entries_of(verbose).unwrap();
        assert_eq!(entries[0]["meta"]["content_length"], 32_295);
        assert_eq!(names_of(verbose).unwrap(), ["venuename"]);
        assert_eq!(names_of(r#"{"entries": [], "author": {"name": "Amazon Redshift"}}"#), None);
        assert_eq!(entries_of("[1]"), Err("the manifest has no entries"));
        assert_eq!(entries_of("entries"), Err("the manifest is not JSON"));
    }
}
