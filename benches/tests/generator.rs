//! The generator: the same seed gives the same rows, and every format holds them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use driftless_benches::format::{FORMATS, Format};
use driftless_benches::generate::{Plan, find_or_generate, generate};
use driftless_benches::row::{COLUMNS, Row, Rows};
use driftless_benches::writers::json_line;
use serde_json::{Map, Value};

const ROWS: u64 = 300;

fn rows(seed: u64) -> Vec<Row> {
    let mut source = Rows::new(seed, ROWS);
    std::iter::from_fn(|| source.next_row().cloned()).collect()
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
    assert_eq!(rows(1).len() as u64, ROWS);
}

#[test]
fn rows_are_as_large_as_the_published_ones() {
    let mut text = String::new();
    rows(1).iter().for_each(|row| json_line(&mut text, row));
    let mean = text.len() / ROWS as usize;
    assert!((635..=655).contains(&mean), "{mean} bytes a row");
}

#[test]
fn every_format_holds_the_same_rows() {
    let expected: Vec<Map<String, Value>> = rows(7)
        .iter()
        .map(|row| {
            let mut line = String::new();
            json_line(&mut line, row);
            serde_json::from_str(&line).unwrap()
        })
        .collect();
    let out = tempfile::tempdir().unwrap();
    let plan = Plan { rows: ROWS, seed: 7, files: 2, out: out.path().to_owned() };
    let formats: Vec<Format> = FORMATS.iter().map(|(_, format)| *format).collect();
    for (format, data) in formats.iter().zip(generate(&plan, &formats).unwrap()) {
        assert_eq!(data.files.len(), 2);
        let read: Vec<_> = data.files.iter().flat_map(|file| read_file(*format, file)).collect();
        assert_eq!(read, expected, "{format}");
    }
}

#[test]
fn a_data_set_on_disk_is_used_again() {
    let out = tempfile::tempdir().unwrap();
    let mut plan = Plan { rows: 10, seed: 1, files: 1, out: out.path().to_owned() };
    let format: Format = "jsonl".parse().unwrap();
    let first = find_or_generate(&plan, format).unwrap();
    std::fs::write(&first.files[0], "kept").unwrap();
    assert_eq!(find_or_generate(&plan, format).unwrap().bytes, 4);
    plan.seed = 2;
    assert!(find_or_generate(&plan, format).unwrap().bytes > 4);
}

fn read_file(format: Format, path: &Path) -> Vec<Map<String, Value>> {
    if format.family() == "parquet" {
        return read_parquet(path);
    }
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    match format.name().rsplit('.').next() {
        Some("gz") => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
        Some("zst") => zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap(),
        _ => (&bytes[..]).read_to_string(&mut text).unwrap(),
    };
    match format.family() {
        "jsonl" => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        _ => read_csv(&text),
    }
}

fn read_csv(text: &str) -> Vec<Map<String, Value>> {
    let mut reader = csv_core::Reader::new();
    let (mut input, mut records) = (text.as_bytes(), Vec::new());
    let (mut values, mut ends) = (vec![0; 8_192], vec![0; 64]);
    loop {
        let (result, read, _, fields) = reader.read_record(input, &mut values, &mut ends);
        input = &input[read..];
        if result == csv_core::ReadRecordResult::End {
            break;
        }
        assert_eq!(result, csv_core::ReadRecordResult::Record);
        assert_eq!(fields, COLUMNS.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let record: Vec<String> = starts
            .zip(&ends[..fields])
            .map(|(start, end)| String::from_utf8(values[start..*end].to_vec()).unwrap())
            .collect();
        records.push(record);
    }
    assert_eq!(records.remove(0), COLUMNS);
    records
        .into_iter()
        .map(|record| COLUMNS.iter().zip(record).map(|(name, text)| ((*name).to_owned(), typed(name, text))).collect())
        .collect()
}

fn typed(column: &str, text: String) -> Value {
    match column {
        "price" | "quantity" | "is_member" | "extra" => serde_json::from_str(&text).unwrap(),
        "referrer" if text.is_empty() => Value::Null,
        _ => Value::String(text),
    }
}

fn read_parquet(path: &Path) -> Vec<Map<String, Value>> {
    let file = File::open(path).unwrap();
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        for at in 0..batch.num_rows() {
            let row = COLUMNS.iter().map(|name| {
                let column = batch.column_by_name(name).unwrap();
                ((*name).to_owned(), cell(name, column.as_ref(), at))
            });
            rows.push(row.collect());
        }
    }
    rows
}

fn cell(name: &str, column: &dyn Array, at: usize) -> Value {
    if column.is_null(at) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Float64 => {
            let number = column.as_primitive::<Float64Type>().value(at);
            serde_json::from_str(&number.to_string()).unwrap()
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().value(at).into(),
        DataType::Boolean => column.as_boolean().value(at).into(),
        _ if name == "extra" => serde_json::from_str(column.as_string::<i32>().value(at)).unwrap(),
        _ => column.as_string::<i32>().value(at).into(),
    }
}
