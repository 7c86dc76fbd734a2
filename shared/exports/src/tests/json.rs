use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_core::config::CsvOptions;
use driftless_core::model::{ColumnType, Columns, RowErrorCode, SchemaLock};
use driftless_core::ports::{ExportError, RowFormats};

use super::bytes::{Pieces, default_formats, good, read, rows};
use crate::ExportFormats;

#[test]
fn values_keep_their_digits_and_texts() {
    let text = r#"{"i":1,"big":18446744073709551615,"d":1.50,"e":1e400,"t":"a\u00e9\n","n":null,"b":true,"o":{"x":[1, 2.0]},"z":-0}"#;
    assert_eq!(
        good(&default_formats(), text),
        [r#"i=int 1, big=number 18446744073709551615, d=number 1.50, e=number 1e400, t=text aé
, n=null, b=bool true, o=json {"x":[1, 2.0]}, z=int 0"#]
    );
}

#[test]
fn of_equal_keys_the_last_wins() {
    assert_eq!(good(&default_formats(), r#"{"a":1,"b":2,"a":3,"c":4,"\u0061":5}"#), ["a=int 5, b=int 2, c=int 4"]);
}

#[test]
fn broken_lines_are_bad_rows() {
    let deep = format!("{{\"a\":{}}}", "[".repeat(100_000));
    let lines: Vec<Vec<u8>> = vec![
        b"{\"a\":1}".to_vec(),
        b"{\"a\":1} x".to_vec(),
        b"{\"a\":1}{\"a\":2}".to_vec(),
        b"[1]".to_vec(),
        b"5".to_vec(),
        b"{\"a\":NaN}".to_vec(),
        b"{\"a\":\"\\ud800\"}".to_vec(),
        b"{\"a\":{\"b\":\"\\ud800\"}}".to_vec(),
        b"{\"a\":\"\xff\"}".to_vec(),
        deep.into_bytes(),
        b"{\"a\":01}".to_vec(),
        b"{\"a\":1,}".to_vec(),
        b"{\"a\" 1}".to_vec(),
        b"{a:1}".to_vec(),
        b"{\"a\":1".to_vec(),
        format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes(),
        b"{\"a\":2}".to_vec(),
    ];
    let found = rows(&default_formats(), &lines.join(&b'\n'));
    assert_eq!(found.len(), lines.len());
    for (n, row) in found.iter().enumerate() {
        match row {
            Ok(_) => assert!(n == 0 || n == lines.len() - 1, "{n}"),
            Err(error) => assert_eq!(error.code, RowErrorCode::Malformed),
        }
    }
    assert!(found[2].clone().unwrap_err().to_string().contains("one object per line"));
}

#[test]
fn objects_without_line_ends_are_rows() {
    let formats = default_formats();
    assert_eq!(good(&formats, "{\"a\":1}{\"a\":\"}{\"} {\"a\":3}"), ["a=int 1", "a=text }{", "a=int 3"]);
    assert_eq!(good(&formats, "{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n"), ["a=int 1", "a=int 2"]);
}

#[test]
fn a_broken_array_is_refused_after_its_good_rows() {
    for (text, good, what) in [
        ("[{\"a\":1},{\"a\":2}", 2, "not closed"),
        ("[{\"a\":1},]", 1, "element is missing"),
        ("[{\"a\":1} {\"a\":2}]", 1, "comma is missing"),
        ("[{\"a\":1}]x", 1, "follows the end"),
        ("[{\"a\":1},{\"a\":2]", 1, "within an element"),
        ("[", 0, "not closed"),
        ("[,{}]", 0, "element is missing"),
    ] {
        let (rows, end) = read(&default_formats(), Pieces::whole(text.as_bytes()), &SchemaLock::default());
        assert_eq!(rows.len(), good, "{text}");
        let Err(ExportError::Unreadable { cause, .. }) = end else { panic!("{text}: {end:?}") };
        assert!(cause.contains(what), "{text}: {cause}");
    }
    assert!(rows(&default_formats(), b" [ ] \n").is_empty());
    let mixed = rows(&default_formats(), b"[{\"a\":1}, 5, [1], \"x\", null, {\"a\":2}]");
    assert_eq!(mixed.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, false, false, true]);
}

#[test]
fn declared_types_apply_to_texts() {
    let types = BTreeMap::from([("at".to_string(), ColumnType::Timestamp), ("id".to_string(), ColumnType::String)]);
    let formats = ExportFormats::new(CsvOptions::default(), types);
    assert_eq!(
        good(&formats, r#"{"at":"2025-01-01T00:00:00Z","id":12345}"#),
        ["at=utc 2025-01-01T00:00:00, id=text 12345"]
    );
    assert_eq!(rows(&formats, br#"{"at":"soon"}"#)[0].clone().unwrap_err().code, RowErrorCode::TypeMismatch);
}

#[test]
fn rows_with_equal_keys_share_their_columns_across_blocks() {
    let text = "{\"a\":1,\"b\":2}\n{\"b\":1,\"a\":2}\n{\"a\":3,\"b\":4}\n{\"a\":3}\n{}\n".repeat(20);
    let mut blocks = default_formats()
        .with_sizes(64, 64)
        .open("an/export", Pieces::whole(text.as_bytes()), &SchemaLock::default())
        .unwrap();
    let mut known: Vec<Arc<Columns>> = Vec::new();
    while let Some(block) = blocks.next_block().unwrap() {
        block.visit(&|_| true, &mut |_, row| {
            let columns = row.unwrap().columns;
            if !known.iter().any(|k| Arc::ptr_eq(k, columns)) {
                known.push(columns.clone());
            }
        });
    }
    assert_eq!(known.len(), 4);
}
