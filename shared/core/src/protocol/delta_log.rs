//! The files of a Delta table, by its log (github.com/delta-io/delta PROTOCOL.md, 2026-11). The folder itself tells
//! nothing: files stay in it long after they left the table.

use std::collections::BTreeMap;
use std::io::Read;

use arrow::array::{Array, MapArray, RecordBatch, StringArray, StructArray};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::ProtocolError;
use super::limits::DELTA_LOG_BYTES_MAX;
use crate::model::ExportVersion;
use crate::ports::Ports;

/// The folder of the log.
pub(super) const LOG_FOLDER: &str = "_delta_log/";

/// A table's files at its latest version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DeltaTable {
    /// Keys of its files, with whether some of their rows are deleted by a vector.
    pub files: BTreeMap<String, bool>,
    /// Its latest version.
    pub version: u64,
}

/// What the names of a log's objects tell.
#[derive(Debug, Default)]
struct Log<'a> {
    root: &'a str,
    commits: BTreeMap<u64, &'a ExportVersion>,
    checkpoints: BTreeMap<u64, Vec<&'a ExportVersion>>,
}

/// Whether an object is of a Delta table's log.
pub(super) fn is_log(key: &str) -> bool {
    key.contains(LOG_FOLDER) && root_of(key).is_some()
}

fn root_of(key: &str) -> Option<&str> {
    let at = key.rfind(LOG_FOLDER)?;
    (at == 0 || key.as_bytes()[at - 1] == b'/').then(|| &key[..at])
}

/// Reads the log: the latest checkpoint and the commits after it.
pub(super) async fn read_delta_log(ports: &Ports, objects: &[ExportVersion]) -> Result<DeltaTable, ProtocolError> {
    let log = log_of(objects)?;
    let latest = log.commits.keys().next_back().or(log.checkpoints.keys().next_back()).copied().unwrap_or(0);
    let checkpoint = log.checkpoints.iter().next_back();
    let mut table = DeltaTable { files: BTreeMap::new(), version: latest };
    let mut next = 0;
    if let Some((version, parts)) = checkpoint {
        for part in parts {
            let bytes = read(ports, part).await?;
            take_checkpoint(&mut table, log.root, bytes, &part.key)?;
        }
        next = version + 1;
    }
    for version in next..=latest {
        let Some(commit) = log.commits.get(&version) else {
            return Err(ProtocolError::Halt(format!(
                "the log of the Delta table under {} has no version {version}; copy its whole _delta_log",
                log.root
            )));
        };
        let bytes = read(ports, commit).await?;
        take_commit(&mut table, log.root, &bytes, &commit.key)?;
    }
    if let Some((key, _)) = table.files.iter().find(|(_, has_vector)| **has_vector) {
        return Err(ProtocolError::Halt(format!(
            "{key} has rows that a deletion vector hides; run REORG TABLE ... APPLY (PURGE) on the table, or export its change data feed"
        )));
    }
    Ok(table)
}

fn log_of(objects: &[ExportVersion]) -> Result<Log<'_>, ProtocolError> {
    let mut log = Log::default();
    let mut parts_of: BTreeMap<u64, usize> = BTreeMap::new();
    for object in objects {
        let Some(root) = root_of(&object.key) else { continue };
        if !log.commits.is_empty() && root != log.root {
            return Err(ProtocolError::Halt(format!(
                "there are several Delta tables under one prefix ({} and {root}); give each a sync of its own",
                log.root
            )));
        }
        let name = &object.key[root.len() + LOG_FOLDER.len()..];
        let Some(version) = name.get(..20).and_then(|digits| digits.parse::<u64>().ok()) else { continue };
        log.root = root;
        match name[20..].split('.').collect::<Vec<_>>()[..] {
            ["", "json"] => drop(log.commits.insert(version, object)),
            ["", "checkpoint", "parquet"] => {
                log.checkpoints.insert(version, vec![object]);
                parts_of.insert(version, 1);
            }
            ["", "checkpoint", _, of, "parquet"] => {
                log.checkpoints.entry(version).or_default().push(object);
                parts_of.insert(version, of.parse().unwrap_or(usize::MAX));
            }
            _ => {}
        }
    }
    // A checkpoint counts once all of its parts are there.
    log.checkpoints.retain(|version, parts| parts_of.get(version) == Some(&parts.len()));
    Ok(log)
}

async fn read(ports: &Ports, object: &ExportVersion) -> Result<Bytes, ProtocolError> {
    if object.size_bytes > DELTA_LOG_BYTES_MAX {
        return Err(ProtocolError::Halt(format!(
            "{} is larger than {DELTA_LOG_BYTES_MAX} bytes; optimize the table into fewer files, or export it",
            object.key
        )));
    }
    let mut bytes = Vec::new();
    let read = ports.exports.open(object).await?.read_to_end(&mut bytes);
    read.map_err(|error| ProtocolError::Retry(format!("{}: {error}", object.key)))?;
    Ok(bytes.into())
}

fn unreadable(key: &str, cause: impl std::fmt::Display) -> ProtocolError {
    ProtocolError::Halt(format!("{key} cannot be read as a Delta log ({cause}); copy the table's _delta_log again"))
}

fn take_commit(table: &mut DeltaTable, root: &str, bytes: &[u8], key: &str) -> Result<(), ProtocolError> {
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let action: Value = serde_json::from_slice(line).map_err(|error| unreadable(key, error))?;
        if let Some(path) = action["remove"]["path"].as_str() {
            table.files.remove(&key_of(root, path)?);
        }
        if let Some(path) = action["add"]["path"].as_str() {
            table.files.insert(key_of(root, path)?, !action["add"]["deletionVector"].is_null());
        }
        if action["metaData"]["configuration"]["delta.columnMapping.mode"].as_str().is_some_and(|mode| mode != "none") {
            return Err(column_mapping(root));
        }
    }
    Ok(())
}

fn take_checkpoint(table: &mut DeltaTable, root: &str, bytes: Bytes, key: &str) -> Result<(), ProtocolError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|reader| reader.build());
    for batch in reader.map_err(|error| unreadable(key, error))? {
        let batch = batch.map_err(|error| unreadable(key, error))?;
        if let Some(add) = structs(&batch, "add") {
            let paths = add.column_by_name("path").and_then(|column| column.as_any().downcast_ref::<StringArray>());
            let paths = paths.ok_or_else(|| unreadable(key, "its add actions have no path"))?;
            let vectors = add.column_by_name("deletionVector");
            for row in (0..add.len()).filter(|row| add.is_valid(*row) && paths.is_valid(*row)) {
                let has_vector = vectors.is_some_and(|vectors| vectors.is_valid(row));
                table.files.insert(key_of(root, paths.value(row))?, has_vector);
            }
        }
        if let Some(configuration) = structs(&batch, "metaData")
            .and_then(|data| data.column_by_name("configuration"))
            .and_then(|column| column.as_any().downcast_ref::<MapArray>())
            && let Some(names) = configuration.keys().as_any().downcast_ref::<StringArray>()
            && let Some(values) = configuration.values().as_any().downcast_ref::<StringArray>()
            && (0..names.len()).any(|n| names.value(n) == "delta.columnMapping.mode" && values.value(n) != "none")
        {
            return Err(column_mapping(root));
        }
    }
    Ok(())
}

fn structs<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StructArray> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

fn column_mapping(root: &str) -> ProtocolError {
    ProtocolError::Halt(format!(
        "the Delta table under {root} maps its columns to other names in its files; export it, or rewrite it without delta.columnMapping.mode"
    ))
}

/// The key of a file that the log names by a path relative to the table, encoded as a URL.
fn key_of(root: &str, path: &str) -> Result<String, ProtocolError> {
    if path.contains("://") || path.starts_with('/') {
        return Err(ProtocolError::Halt(format!(
            "the Delta table under {root} has files outside its folder (a shallow clone); export it instead"
        )));
    }
    Ok(format!("{root}{}", percent_decode_str(path).decode_utf8_lossy()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, MapBuilder, StringBuilder};
    use arrow::datatypes::{DataType, Field};
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn text(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn one(name: &str, column: ArrayRef) -> (Arc<Field>, ArrayRef) {
        (Arc::new(Field::new(name, column.data_type().clone(), true)), column)
    }

    /// A checkpoint with two files, of which the second has a deletion vector if so wanted.
    fn checkpoint(has_vector: bool, mapping: &str) -> Bytes {
        let kinds = text(&[None, Some("u")]);
        let fields = vec![Arc::new(Field::new("storageType", DataType::Utf8, true))];
        let vectors = StructArray::new(fields.into(), vec![kinds], Some(vec![false, has_vector].into()));
        let add = StructArray::from(vec![
            one("path", text(&[Some("day=1/a%20b.parquet"), Some("c.parquet")])),
            one("deletionVector", Arc::new(vectors)),
        ]);
        let mut configuration = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        configuration.keys().append_value("delta.columnMapping.mode");
        configuration.values().append_value(mapping);
        configuration.append(true).unwrap();
        configuration.append(true).unwrap();
        let data = StructArray::from(vec![one("configuration", Arc::new(configuration.finish()))]);
        let batch =
            RecordBatch::try_from_iter([("add", Arc::new(add) as ArrayRef), ("metaData", Arc::new(data))]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes.into()
    }

    #[test]
    fn a_checkpoint_names_files_and_commits_change_them() {
        let mut table = DeltaTable::default();
        take_checkpoint(&mut table, "t/", checkpoint(true, "none"), "0.checkpoint.parquet").unwrap();
        let expected = [("t/c.parquet".to_string(), true), ("t/day=1/a b.parquet".to_string(), false)];
        assert_eq!(table.files, BTreeMap::from(expected));
        let commit = br#"{"remove":{"path":"c.parquet"}}
            {"add":{"path":"d.parquet"}}"#;
        take_commit(&mut table, "t/", commit, "1.json").unwrap();
        assert_eq!(table.files.keys().collect::<Vec<_>>(), ["t/d.parquet", "t/day=1/a b.parquet"]);
    }

    #[test]
    fn what_a_checkpoint_may_not_have_is_refused() {
        let mut table = DeltaTable::default();
        let refused = take_checkpoint(&mut table, "t/", checkpoint(false, "name"), "k").unwrap_err();
        assert!(refused.to_string().contains("delta.columnMapping.mode"), "{refused}");
        let refused = take_checkpoint(&mut table, "t/", Bytes::from_static(b"no parquet"), "k").unwrap_err();
        assert!(refused.to_string().contains("copy the table's _delta_log again"), "{refused}");
        assert!(key_of("t/", "s3://other/file.parquet").is_err());
    }
}
