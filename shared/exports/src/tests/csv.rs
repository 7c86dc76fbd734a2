use std::collections::BTreeMap;

use driftless_core::config::CsvOptions;
use driftless_core::model::{ColumnType, RowErrorCode, SchemaLock};
use driftless_core::ports::{ExportError, Inspection, RowFormats};

use super::bytes::{Pieces, default_formats, good, read, rows};
use crate::ExportFormats;

fn inspected(formats: &ExportFormats, text: &str, lock: &SchemaLock) -> Inspection {
    formats.inspect("an/export", Pieces::whole(text.as_bytes()), lock).unwrap()
}

fn cause(end: Result<(), ExportError>) -> String {
    match end {
        Err(ExportError::Unreadable { export, cause, remedy }) => {
            assert_eq!(export, "an/export");
            assert!(!remedy.is_empty());
            cause
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn inspection_finds_types_and_reading_keeps_to_them() {
    let first = "id,price,at,day,ok,code,empty,op\n1,1.50,2025-01-01 00:00:00,2025-01-01,true,007,,I\n2,3,2025-01-01T00:00:00Z,2025-01-02,FALSE,8,,U\n";
    let formats = default_formats();
    let found = inspected(&formats, first, &SchemaLock::default());
    assert_eq!(found.format, "CSV, comma, header");
    assert_eq!(found.columns, ["id", "price", "at", "day", "ok", "code", "empty", "op"]);
    let types: Vec<_> = found.lock.types.iter().map(|(name, t)| format!("{name} {t:?}")).collect();
    assert_eq!(
        types,
        ["at Timestamp", "code String", "day Date", "id Integer", "ok Boolean", "op String", "price Number"]
    );
    let op = found.domains.iter().find(|(name, _)| name == "op").unwrap();
    assert_eq!(op.1.iter().map(String::as_str).collect::<Vec<_>>(), ["I", "U"]);
    // A later export: other order, a value that does not fit an inferred type, a new column.
    let later = "ok,id,new,at\nmaybe,x1,5,2025-01-01 00:00:00.5\n";
    let (rows, end) = read(&formats, Pieces::whole(later.as_bytes()), &found.lock);
    assert_eq!(end, Ok(()));
    let row: Vec<_> = rows[0].as_ref().unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(row, ["ok=text maybe", "id=text x1", "new=text 5", "at=time 2025-01-01T00:00:00.500"]);
    // And a later inspection never changes a type that is there.
    let again = inspected(&formats, later, &found.lock);
    assert_eq!(again.lock.types["ok"], ColumnType::Boolean);
    assert_eq!(again.lock.types["new"], ColumnType::Integer);
}

#[test]
fn a_declared_type_rejects_the_row_without_its_value() {
    let types = BTreeMap::from([("price".to_string(), ColumnType::Number), ("extra".to_string(), ColumnType::Json)]);
    let formats = ExportFormats::new(CsvOptions::default(), types);
    let lock = inspected(&formats, "id,price,extra\n1,+5.06e+05,\"{\"\"a\"\":[1]}\"\n", &SchemaLock::default()).lock;
    assert!(lock.declared.contains("price") && !lock.declared.contains("id"));
    let text = "id,price,extra\n1,+5.06e+05,\"{\"\"a\"\":[1]}\"\n2,secret,\n3,NaN,{}\n";
    let (rows, _) = read(&formats, Pieces::whole(text.as_bytes()), &lock);
    assert_eq!(rows[0].as_ref().unwrap()[1].1, "number 5.06e+05");
    assert_eq!(rows[0].as_ref().unwrap()[2].1, "json {\"a\":[1]}");
    let error = rows[1].clone().unwrap_err();
    assert_eq!((error.code, error.column.as_deref()), (RowErrorCode::TypeMismatch, Some("price")));
    assert!(!error.to_string().contains("secret") && error.to_string().contains("number"));
    assert_eq!(rows[2].as_ref().unwrap()[1].1, "null");
}

#[test]
fn line_ends_blank_lines_and_missing_last_ones() {
    let formats = default_formats();
    for text in ["a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n\r\n3,4", "a,b\r1,2\r3,4\r", "\u{feff}a,b\n\n1,2\n3,4"] {
        assert_eq!(good(&formats, text), ["a=text 1, b=text 2", "a=text 3, b=text 4"], "{text:?}");
    }
    assert!(rows(&formats, b"a,b\n").is_empty());
    assert!(rows(&formats, b"").is_empty());
    assert!(rows(&formats, b" \n\r\n").is_empty());
}

#[test]
fn bad_records_are_bad_rows() {
    let long = "x".repeat(2 << 20);
    // Quoted rows first: what is quoted is decided on the first rows.
    let text =
        format!("a,b\n{}1\n1,2,3\n1,\"x\"y\n1,{long}\n1,\"{long}\nstill\"\n1,\0\n5,6\n", "1,\"x, y\"\n".repeat(9));
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"7,\xff\n8,9\n");
    let rows = rows(&default_formats(), &bytes).split_off(9);
    let causes: Vec<String> =
        rows.iter().map(|row| row.as_ref().map_or_else(|e| e.cause.clone(), |r| r[0].1.clone())).collect();
    assert_eq!(causes[0], "the record has 1 fields, but there are 2 columns");
    assert_eq!(causes[1], "the record has 3 fields, but there are 2 columns");
    assert!(causes[2].contains("closing quote"), "{}", causes[2]);
    assert!(causes[3].contains("longer than") && causes[4].contains("longer than"));
    assert!(causes[5].contains("NUL"));
    assert_eq!(causes[6], "text 5");
    assert!(causes[7].contains("UTF-8"));
    assert_eq!(causes[8], "text 8");
    assert_eq!(causes.len(), 9);
}

#[test]
fn headers_are_checked_per_file() {
    let formats = default_formats();
    let refused = |text: &str, lock: &SchemaLock| cause(read(&formats, Pieces::whole(text.as_bytes()), lock).1);
    assert!(refused("id,name,id\n1,a,2\n", &SchemaLock::default()).contains("twice: id"));
    assert!(refused(",name\n1,a\n2,b\n", &SchemaLock::default()).contains("no name"));
    let lock = inspected(&formats, "id,name\n1,a\n", &SchemaLock::default()).lock;
    assert!(refused("U,1\nU,2\n", &lock).contains("no header"));
    let named = ExportFormats::new(
        CsvOptions { columns: vec!["op".into(), "id".into()], ..CsvOptions::default() },
        BTreeMap::new(),
    );
    let lock = inspected(&named, "I,1\n", &SchemaLock::default()).lock;
    assert!(refused("op,id\nI,1\n", &lock).contains("no header"));
    let (rows, end) = read(&named, Pieces::whole(b"D,7\n"), &lock);
    assert_eq!((end, rows[0].as_ref().unwrap()[1].clone()), (Ok(()), ("id".to_string(), "int 7".to_string())));
}

#[test]
fn a_quote_that_is_never_closed_is_told() {
    let text = format!("a,b\n1,2\n3,\"{}", "x\n".repeat(1 << 20));
    let (rows, end) = read(&default_formats(), Pieces::whole(text.as_bytes()), &SchemaLock::default());
    assert_eq!(rows.len(), 1);
    assert!(cause(end).contains("never closed, at row 1"));
}
