use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use driftless_core::model::SchemaLock;
use driftless_core::ports::{ExportError, RowFormats};
use parquet::arrow::ArrowWriter;

use super::bytes::{Compress, Pieces, default_formats, gzip, read, rows, zstd};

fn unreadable(bytes: &[u8]) -> String {
    let (_, end) = read(&default_formats(), Pieces::whole(bytes), &SchemaLock::default());
    match end {
        Err(ExportError::Unreadable { cause, remedy, .. }) => format!("{cause}. {remedy}"),
        other => panic!("{other:?}"),
    }
}

fn parquet() -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..20_000))),
        ("name", Arc::new(StringArray::from_iter((0..20_000).map(|n| (n % 3 > 0).then(|| format!("n{n}")))))),
        ("big", Arc::new(UInt64Array::from_iter_values((0..20_000).map(|n| u64::MAX - n)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_is_read_in_batches() {
    let bytes = parquet();
    let (rows, end) = read(&default_formats(), Pieces::of(&bytes, vec![1, 700, 3]), &SchemaLock::default());
    assert_eq!((end, rows.len()), (Ok(()), 20_000));
    let row = rows[19_999].as_ref().unwrap();
    assert_eq!(
        row.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>(),
        ["int 19999", "text n19999", "uint 18446744073709531616"]
    );
    assert_eq!(rows[0].as_ref().unwrap()[1].1, "null");
    let found = default_formats().inspect("an/export", Pieces::whole(&bytes), &SchemaLock::default()).unwrap();
    assert_eq!((found.format.as_str(), found.columns.len()), ("Parquet", 3));
    assert!(found.lock.types.is_empty() && found.lock.columns.contains("big"));
}

#[test]
fn damaged_parquet_is_refused() {
    let bytes = parquet();
    assert!(unreadable(&bytes[..bytes.len() - 20]).contains("footer"));
    assert!(unreadable(b"PAR1").contains("footer"));
    assert!(unreadable(&gzip(&bytes)).contains("inside gzip"));
    let mut huge = bytes.clone();
    let at = huge.len() - 8;
    huge[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(unreadable(&huge).contains("metadata"));
    let mut encrypted = bytes.clone();
    let at = encrypted.len() - 1;
    encrypted[at] = b'E';
    assert!(unreadable(&encrypted).contains("encrypted"));
    for at in (4..bytes.len()).step_by(997) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        let _ = read(&default_formats(), Pieces::whole(&damaged), &SchemaLock::default());
    }
}

#[test]
fn bombs_and_layers_are_refused() {
    assert!(unreadable(&gzip(&gzip(b"a,b\n1,2\n"))).contains("double-compressed"));
    assert!(unreadable(&zstd(&gzip(b"a,b\n1,2\n"))).contains("double-compressed"));
    let bomb = zstd(&vec![b'\n'; 80 << 20]);
    assert!(unreadable(&bomb).contains("bomb"));
    assert!(unreadable(b"\xff\xfea\0,\0b\0").contains("UTF-8"));
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(26).unwrap();
    let noise: Vec<u8> = (0..(16 << 20u32)).map(|n: u32| b'a' + (n.wrapping_mul(2_654_435_761) >> 28) as u8).collect();
    encoder.write_all(&noise).unwrap();
    assert!(unreadable(&encoder.finish().unwrap()).contains("damaged"));
}

#[test]
fn a_change_while_reading_is_no_damage() {
    let whole = gzip(&b"a,b\n1,2\n".repeat(1000));
    let mut changed = Pieces::whole(&whole);
    changed.is_pinned = false;
    let (rows, end) = read(&default_formats(), changed, &SchemaLock::default());
    assert!(!rows.is_empty());
    assert_eq!(end, Err(ExportError::Changed { export: "an/export".into() }));
    let mut truncated = Pieces::whole(&whole[..whole.len() / 2]);
    truncated.is_pinned = false;
    assert!(matches!(read(&default_formats(), truncated, &SchemaLock::default()).1, Err(ExportError::Changed { .. })));
    let mut failing = Pieces::of(&whole, vec![10]);
    failing.fails_at = Some(20);
    let (_, end) = read(&default_formats(), failing, &SchemaLock::default());
    assert_eq!(end, Err(ExportError::Retry { export: "an/export".into(), cause: "connection reset".into() }));
}

/// One Avro file by hand: two records of a nullable text and a decimal.
fn avro(codec: &str, encode: Compress) -> Vec<u8> {
    fn text(bytes: &[u8]) -> Vec<u8> {
        let mut length = (bytes.len() as u64) << 1;
        let mut out = Vec::new();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(bytes);
        out
    }
    let schema = br#"{"type":"record","name":"R","fields":[{"name":"t","type":["null","string"]},
        {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"m","type":{"type":"map","values":"long"}}]}"#;
    let rows = [2, 6, b'a', b'b', b'c', 4, 0x01, 0x00, 2, 2, b'k', 4, 0, 0, 2, 0xff, 0];
    let mut file = b"Obj\x01".to_vec();
    file.push(4);
    file.extend(text(b"avro.schema"));
    file.extend(text(schema));
    file.extend(text(b"avro.codec"));
    file.extend(text(codec.as_bytes()));
    file.push(0);
    file.extend([7; 16]);
    file.push(4);
    file.extend(text(&encode(&rows)));
    file.extend([7; 16]);
    file
}

#[test]
fn avro_is_read_with_every_codec() {
    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
    fn snappy(bytes: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let mut out = snap::raw::Encoder::new().compress_vec(bytes).unwrap();
        out.extend(crc.sum().to_be_bytes());
        out
    }
    let encoders: [(&str, Compress); 5] = [
        ("null", |b| b.to_vec()),
        ("deflate", deflate),
        ("snappy", snappy),
        ("zstandard", zstd),
        ("bzip2", super::bytes::bzip2),
    ];
    for (codec, encode) in encoders {
        let file = avro(codec, encode);
        let rows = rows(&default_formats(), &file);
        let words: Vec<Vec<&str>> =
            rows.iter().map(|r| r.as_ref().unwrap().iter().map(|(_, v)| v.as_str()).collect()).collect();
        assert_eq!(
            words,
            [["text abc", "number 2.56", "json {\"k\":2}"], ["null", "number -0.01", "json {}"]],
            "{codec}"
        );
        assert!(unreadable(&file[..file.len() - 5]).contains("Avro"), "{codec}");
        let mut damaged = file.clone();
        let at = damaged.len() - 20;
        damaged[at] ^= 0x11;
        let _ = read(&default_formats(), Pieces::whole(&damaged), &SchemaLock::default());
    }
    assert!(unreadable(&avro("xz", |b| b.to_vec())).contains("codec"));
    assert_eq!(rows(&default_formats(), &gzip(&avro("null", |b| b.to_vec()))).len(), 2);
}
