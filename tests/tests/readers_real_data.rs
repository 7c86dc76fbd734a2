//! Reads real files that nobody here wrote (shared/data) and pins what comes out, so that a change shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use driftless_core::config::CsvOptions;
use driftless_core::mapping::canonical_text;
use driftless_core::model::{ColumnType, RowErrorCode, SchemaLock};
use driftless_core::ports::{ExportBytes, ExportError, RowFormats};
use driftless_exports::ExportFormats;
use driftless_testkit::shared;

fn data(folder: &str) -> Option<PathBuf> {
    shared(Path::new("data").join(folder))
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

/// Compares a file with the suite's expected rows. The suite knows neither nulls nor types: an unquoted empty field, which
/// is null here, is its empty text, and everything is compared as text.
fn assert_texts(bytes: Vec<u8>, name: &str, expected: &[BTreeMap<String, String>]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let (rows, end) = read_with(&formats(), file.path(), &SchemaLock::default());
    assert_eq!(end, Ok(()), "{name}");
    let texts =
        |row: BTreeMap<String, Option<String>>| row.into_iter().map(|(name, value)| (name, value.unwrap_or_default()));
    let found: Vec<BTreeMap<String, String>> = rows.into_iter().map(|row| texts(row.unwrap()).collect()).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn csv_spectrum_means_what_it_says() {
    let Some(folder) = data("csv-spectrum") else {
        return;
    };
    let all = files(&folder.join("csvs"));
    assert_eq!(all.len(), 11);
    for path in all {
        let name = key(&path);
        let expected = std::fs::read_to_string(folder.join("json").join(&name).with_extension("json")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // The `_crlf` files of this copy have plain line feeds: their carriage returns are put back.
        let text = if name.ends_with("_crlf.csv") && !text.contains('\r') { text.replace('\n', "\r\n") } else { text };
        let expected: Vec<BTreeMap<String, String>> = serde_json::from_str(&expected).unwrap();
        assert_texts(text.into_bytes(), &name, &expected);
    }
}

/// Files of the suite that do not start like JSON and so are taken for CSV, or are empty.
fn is_no_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    !matches!(text.iter().find(|b| !b.is_ascii_whitespace()), Some(b'{' | b'['))
}

#[test]
fn json_suite_is_accepted_and_refused_as_it_should_be() {
    let Some(folder) = data("json-suite") else {
        return;
    };
    let all = files(&folder.join("test_parsing"));
    assert_eq!(all.len(), 318);
    let (mut accepted, mut refused) = (0, 0);
    for path in all {
        let name = key(&path);
        let bytes = std::fs::read(&path).unwrap();
        let (rows, end) = read(&path);
        if is_no_json(&bytes) {
            continue;
        }
        if name.starts_with("n_") {
            refused += 1;
            assert!(end.is_err() || rows.iter().any(Result::is_err), "{name} is read without an error");
            assert!(
                rows.iter().filter_map(|row| row.as_ref().err()).all(|code| *code == RowErrorCode::Malformed),
                "{name}"
            );
        }
        if name.starts_with("y_") {
            assert_eq!(end, Ok(()), "{name}");
            // What is an object, or an array of objects, is rows; anything else in an array is a bad row each.
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let items = if let serde_json::Value::Array(items) = value { items } else { vec![value] };
            let is_row: Vec<bool> = items.iter().map(serde_json::Value::is_object).collect();
            assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), is_row, "{name}");
            for (row, item) in rows.iter().zip(&items) {
                if let (Ok(row), Some(item)) = (row, item.as_object()) {
                    assert_eq!(row.keys().collect::<BTreeSet<_>>(), item.keys().collect(), "{name}");
                }
            }
            accepted += 1;
        }
    }
    assert!(accepted >= 80 && refused >= 150, "{accepted} {refused}");
}

/// Files of parquet-testing that cannot be read, with a part of the reason. Everything else is read to its end.
const REFUSED_PARQUET: &[(&str, &str)] = &[
    // Thrift that the reader does not take.
    ("ARROW-GH-41317.parquet", "Expected list element type"),
    ("PARQUET-1481.parquet", "Unexpected Type"),
    ("dict-page-offset-zero.parquet", "Expected list element type"),
    // Two texts of a gigabyte in four kilobytes.
    ("large_string_map.brotli.parquet", "decompression bomb"),
    // Damaged pages, levels and dictionaries.
    ("ARROW-GH-41321.parquet", "RLE bit width"),
    ("ARROW-GH-45185.parquet", "repetition level"),
    ("ARROW-GH-47662.parquet", "payload length"),
    ("ARROW-RS-GH-6229-DICTHEADER.parquet", "overflow"),
    ("ARROW-RS-GH-6229-LEVELS.parquet", "repetition levels"),
    ("nation.dict-malformed.parquet", "page header"),
    // Damaged bytes that only the checksum tells.
    ("datapage_v1-corrupt-checksum.parquet", "CRC checksum mismatch"),
    ("rle-dict-uncompressed-corrupt-checksum.parquet", "CRC checksum mismatch"),
];

#[test]
fn parquet_testing_is_read_whole_or_refused() {
    let Some(folder) = data("parquet-testing") else {
        return;
    };
    let mut left: BTreeSet<&str> = REFUSED_PARQUET.iter().map(|(name, _)| *name).collect();
    for path in files(&folder).iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")) {
        let name = key(path);
        let (rows, end) = read(path);
        assert!(rows.iter().all(Result::is_ok), "{name}");
        match (REFUSED_PARQUET.iter().find(|(refused, _)| *refused == name), end) {
            (None, end) => assert_eq!(end, Ok(()), "{name}"),
            (Some((refused, why)), Err(ExportError::Unreadable { export, cause, remedy })) => {
                left.remove(refused);
                assert_eq!(export, name);
                assert!(cause.contains(why) && !remedy.is_empty(), "{name}: {cause}");
            }
            (Some(_), end) => panic!("{name} was refused before and now ends with {end:?}"),
        }
    }
    assert_eq!(left, BTreeSet::new(), "missing files");
}

#[test]
fn parquet_values_are_exact() {
    let Some(folder) = data("parquet-testing/data") else {
        return;
    };
    let read = |name: &str| good(&folder.join(name));
    let expected: Vec<String> = (1..=24).map(|n| format!("{n}.00")).collect();
    for name in
        ["int32_decimal", "int64_decimal", "fixed_length_decimal", "fixed_length_decimal_legacy", "byte_array_decimal"]
    {
        assert_eq!(column(&read(&format!("{name}.parquet")), "value"), expected, "{name}");
    }
    // 9999-12-31T03:00:00 is the third; it and the last are far beyond what 64-bit nanoseconds hold, and have no calendar text.
    let times = column(&read("int96_from_spark.parquet"), "a");
    assert_eq!(times[..3], ["2024-01-01T20:34:56.123456", "2024-01-01T01:00:00", "253402225200000000000"]);
    assert_eq!(times[3..], TIMES_BEYOND);
    let lists = column(&read("nested_lists.snappy.parquet"), "a");
    assert_eq!(lists[0], r#"[[["a","b"],["c"]],[null,["d"]]]"#);
    assert_eq!(column(&read("old_list_structure.parquet"), "a"), ["[[1,2],[3,4]]"]);
    assert_eq!(
        column(&read("nested_maps.snappy.parquet"), "a")[0],
        r#"{"a":[{"key":1,"value":true},{"key":2,"value":false}]}"#
    );
    assert_eq!(column(&read("nonnullable.impala.parquet"), "Int_Map"), [r#"{"k1":-1}"#]);
    assert_eq!(column(&read("float16_nonzeros_and_nans.parquet"), "x")[..3], ["null", "1", "-2"]);
}

/// Spark's own values: 2024-12-30T23:00:00, null, 290000-12-31T12:00:00.
const TIMES_BEYOND: [&str; 3] = ["2024-12-30T23:00:00", "null", "9089380393200000000000"];

#[test]
fn avro_of_an_airline_is_read_with_every_column() {
    let Some(folder) = data("airline-avro") else {
        return;
    };
    let days = files(&folder.join("2014"));
    let counts: Vec<usize> = days.iter().map(|path| good(path).len()).collect();
    assert_eq!(counts, [289, 403, 409]);
    let first = &good(&days[0])[0];
    assert!(first.len() >= 75, "{}", first.len());
    assert_eq!(first["FlightDate"].as_deref(), Some("2014-01-01"));
    assert!(first.values().flatten().any(|value| value.starts_with('[')), "arrays are JSON");
}

#[test]
fn snowplow_and_jaffle_are_read_to_the_last_row() {
    let Some(folder) = data("snowplow") else {
        return;
    };
    let path = folder.join("snowplow_web_vital_events.csv");
    let events = good(&path);
    assert_eq!(events.len(), 1_001);
    let ids: BTreeSet<&String> = events.iter().filter_map(|row| row["event_id"].as_ref()).collect();
    assert_eq!(ids.len(), 1_000);
    assert!(events[1_000]["event_id"].is_none());
    let found = formats().inspect("events", bytes(&path), &SchemaLock::default()).unwrap();
    assert_eq!(found.lock.types["collector_tstamp"], ColumnType::Timestamp);
    let Some(folder) = data("jaffle") else { return };
    for (name, count) in [("raw_customers", 100), ("raw_orders", 99), ("raw_payments", 113)] {
        assert_eq!(good(&folder.join(name).with_extension("csv")).len(), count);
    }
}

#[test]
fn a_dms_full_load_has_a_header_and_its_changes_have_none() {
    let Some(folder) = data("dms-csv/Customer") else {
        return;
    };
    let full = folder.join("Full/Customers_FullLog.csv");
    let formats = formats();
    let loaded = formats.inspect("full", bytes(&full), &SchemaLock::default()).unwrap();
    assert_eq!(loaded.columns, ["CustomerID", "Email", "LCLid"]);
    assert_eq!(good(&full).len(), 500);
    let changes = files(&folder.join("CDC"));
    let found = formats.inspect("cdc", bytes(&changes[0]), &SchemaLock::default()).unwrap();
    assert_eq!((found.format.as_str(), found.columns.len()), ("CSV, comma, no header", 4));
    assert_eq!(found.domains, [("c1".to_string(), BTreeSet::from(["U".to_string()]))]);
    assert_eq!(changes.iter().map(|path| good(path).len()).collect::<Vec<_>>(), [41, 207]);
    // Under the lock of the full load the changes are named by it, behind their op.
    let changed = formats.inspect("cdc", bytes(&changes[0]), &loaded.lock).unwrap();
    assert_eq!(changed.columns, ["Op", "CustomerID", "Email", "LCLid"]);
    assert!(changed.lock.dms && changed.lock.op_column.as_deref() == Some("Op"));
    let (rows, end) = read_with(&formats, &changes[0], &changed.lock);
    assert!(end.is_ok());
    assert_eq!(rows.iter().filter(|row| row.is_ok()).count(), 41);
    // Any other file without a header is refused, not read one column off.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "X,BAN1,a@x.org,MAC1\nX,BAN2,b@x.org,MAC2\n").unwrap();
    let (rows, end) = read_with(&formats, file.path(), &loaded.lock);
    assert!(rows.is_empty());
    let Err(ExportError::Unreadable { cause, .. }) = end else { panic!("{end:?}") };
    assert!(cause.contains("no header"), "{cause}");
}

#[test]
fn everything_else_that_is_there_is_read() {
    for folder in [
        "fivetran",
        "hive-partitioning-csv",
        "hive-partitioning-parquet",
        "vega",
        "delta",
        "cdc-debezium",
        "cdc-maxwell",
        "cdc-dms-json",
    ] {
        let Some(folder) = data(folder) else { return };
        for path in files(&folder) {
            if key(&path) != "README.md" && !driftless_exports::is_control_file(&path.to_string_lossy()) {
                let bad = rows(&path).iter().filter(|row| row.is_err()).count();
                assert_eq!(bad, 0, "{}", path.display());
            }
        }
    }
}
