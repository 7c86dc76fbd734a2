//! Reads real files that nobody here wrote (shared/data) and pins what comes out, so that a change shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use driftless_core::config::CsvOptions;
use driftless_core::mapping::canonical_text;
use driftless_core::model::{ColumnType, RowErrorCode, SchemaLock};
use driftless_core::ports::{ExportBytes, ExportError, RowFormats};
use driftless_exports::ExportFormats;

/// The real data beside the checkout; `None` (and a word about it) where it is not there, which CI must not be.
fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

struct OnDisk(File);

impl Read for OnDisk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for OnDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl ExportBytes for OnDisk {
    fn is_still_pinned(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}

fn bytes(path: &Path) -> Box<dyn ExportBytes> {
    Box::new(OnDisk(File::open(path).unwrap()))
}

fn formats() -> ExportFormats {
    ExportFormats::new(CsvOptions::default(), BTreeMap::new())
}

fn key(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A row by column name, `None` for nulls, or its error's class.
type RealRow = Result<BTreeMap<String, Option<String>>, RowErrorCode>;

fn read_with(formats: &ExportFormats, path: &Path, lock: &SchemaLock) -> (Vec<RealRow>, Result<(), ExportError>) {
    let mut rows = Vec::new();
    let mut read = || {
        let mut blocks = formats.open(&key(path), bytes(path), lock)?;
        while let Some(block) = blocks.next_block()? {
            block.visit(&|_| true, &mut |_, row| {
                rows.push(row.map_err(|error| error.code).map(|row| {
                    let values = row.values.iter().map(|value| canonical_text(value).map(|text| text.into_owned()));
                    row.columns.names.iter().cloned().zip(values).collect()
                }));
            });
        }
        Ok(())
    };
    let end = read();
    (rows, end)
}

/// All rows of a file under the lock of its own inspection.
fn read(path: &Path) -> (Vec<RealRow>, Result<(), ExportError>) {
    let formats = formats();
    match formats.inspect(&key(path), bytes(path), &SchemaLock::default()) {
        Ok(found) => read_with(&formats, path, &found.lock),
        Err(error) => {
            // What cannot be inspected cannot be read either, with the same words.
            let (rows, end) = read_with(&formats, path, &SchemaLock::default());
            assert!(end.is_err(), "{}: only the inspection fails: {error}", key(path));
            (rows, end)
        }
    }
}

/// The rows of a file that must be readable to its end.
fn rows(path: &Path) -> Vec<RealRow> {
    let (rows, end) = read(path);
    assert_eq!(end, Ok(()), "{}", key(path));
    rows
}

fn good(path: &Path) -> Vec<BTreeMap<String, Option<String>>> {
    rows(path).into_iter().map(|row| row.unwrap_or_else(|code| panic!("{}: {code:?}", key(path)))).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn column(rows: &[BTreeMap<String, Option<String>>], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].clone().unwrap_or_else(|| "null".to_string())).collect()
}

#[test]
fn csv_spectrum_means_what_it_says() {
    let Some(folder) = data("csv-spectrum") else { return };
    let all = files(&folder.join("csvs"));
    assert_eq!(all.len(), 11);
    for path in all {
        let expected = std::fs::read_to_string(folder.join("json").join(key(&path)).with_extension("json")).unwrap();
        let expected: Vec<BTreeMap<String, String>> = serde_json::from_str(&expected).unwrap();
        // The suite knows no nulls: an unquoted empty field is its empty text. And it knows no types: compared as text.
        let texts = SchemaLock::default();
        let (rows, end) = read_with(&formats(), &path, &texts);
        assert_eq!(end, Ok(()));
        let found: Vec<BTreeMap<String, String>> = rows
            .into_iter()
            .map(|row| row.unwrap().into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
            .collect();
        assert_eq!(found, expected, "{}", key(&path));
        assert_eq!(good(&path).len(), expected.len());
    }
}

#[test]
fn explore() {
    let folder = data("json-suite").unwrap();
    for path in files(&folder.join("test_parsing")) {
        let (rows, end) = read(&path);
        let bad = rows.iter().filter(|r| r.is_err()).count();
        println!("JSON {} good {} bad {} {:?}", key(&path), rows.len()-bad, bad, end.err().map(|e| e.to_string().chars().take(90).collect::<String>()));
    }
    let folder = data("parquet-testing").unwrap();
    for path in files(&folder) {
        if path.extension().is_none_or(|e| e != "parquet") { continue; }
        let (rows, end) = read(&path);
        println!("PQ {} rows {} bad {} {:?}", key(&path), rows.len(), rows.iter().filter(|r| r.is_err()).count(), end.err().map(|e| e.to_string()));
        if ["int96","decimal","nested_","old_list","map_no","nonnull","nullable","float16","unknown","null_list","list_col","repeated"].iter().any(|n| key(&path).contains(n)) {
            for row in rows.iter().take(3) { println!("    {row:?}"); }
        }
    }
    for folder in ["airline-avro","snowplow","jaffle","dms-csv","fivetran","hive-partitioning-csv","hive-partitioning-parquet","vega","delta","cdc-debezium","cdc-maxwell","cdc-dms-json"] {
        let folder = data(folder).unwrap();
        for path in files(&folder) {
            if key(&path) == "README.md" || driftless_exports::is_control_file(&path.to_string_lossy()) { continue; }
            let (rows, end) = read(&path);
            let found = formats().inspect(&key(&path), bytes(&path), &SchemaLock::default());
            println!("X {} rows {} bad {} {:?} {:?}", path.strip_prefix(&folder).unwrap().display(), rows.len(), rows.iter().filter(|r| r.is_err()).count(), end.err().map(|e| e.to_string()), found.map(|f| f.format));
        }
    }
}
