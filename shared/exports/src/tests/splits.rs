use driftless_core::model::SchemaLock;
use driftless_core::ports::{ExportError, RowFormats};
use proptest::prelude::*;

use super::bytes::{Compress, Pieces, bzip2, default_formats, gzip, in_two_members, read, snappy, zstd};

const CSV: &str = "id,name,note\n1,a,\"x\ny\"\n2,\"\"\"q\"\"\",\n3,é,\"\"\r\n\n4,ragged\n5,b,\"c, d\"";
const LINES: &str =
    "{\"a\":1,\"b\":\"x\"}\n\n{\"a\":2,\"b\":{\"c\":[1,2]}}\r\n{broken\n{\"b\":\"\\u00e9\\n\"}\n{\"a\":3,\"a\":4}";
const ARRAY: &str = "[ {\"a\":1},\n {\"a\":\"]}\\\"\"} , {\"a\":[{},{}]}\n, 5, \"x\", {\"a\": 1 2} ]\n";
const SEQUENCE: &str = "{\"a\":1}{\"a\":\"}{\"}\n{\n \"a\": [1]\n}garbage\n{\"a\":2}";

fn compressions() -> [Compress; 5] {
    [|bytes| bytes.to_vec(), gzip, bzip2, snappy, zstd]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_rows(
        text in prop::sample::select(vec![CSV, LINES, ARRAY, SEQUENCE]),
        which in 0usize..5,
        in_two: bool,
        lengths in prop::collection::vec(1usize..40, 1..8),
        block in 1usize..80,
        record_max in prop::sample::select(vec![9usize, 14, 1 << 20]),
    ) {
        let compress = compressions()[which];
        let bytes = if in_two && which > 0 { in_two_members(text.as_bytes(), compress) } else { compress(text.as_bytes()) };
        let formats = default_formats();
        let lock = formats.inspect("an/export", Pieces::whole(text.as_bytes()), &SchemaLock::default()).unwrap().lock;
        let large = formats.clone().with_sizes(1 << 20, record_max);
        let expected = read(&large, Pieces::whole(text.as_bytes()), &lock);
        let small = formats.with_sizes(block, record_max);
        let found = read(&small, Pieces::of(&bytes, lengths), &lock);
        prop_assert_eq!(&expected.1, &Ok(()));
        prop_assert_eq!(expected, found);
    }

    #[test]
    fn a_truncated_or_extended_export_is_refused(which in 1usize..5, cut in 0.0f64..1.0) {
        let whole = compressions()[which](CSV.repeat(50).as_bytes());
        let cut = 1.max((whole.len() as f64 * cut) as usize).min(whole.len() - 1);
        let cut = if which == 3 { cut.max(11) } else { cut.max(10) };
        let (_, end) = read(&default_formats(), Pieces::whole(&whole[..cut]), &SchemaLock::default());
        let is_unreadable = matches!(end, Err(ExportError::Unreadable { .. }));
        prop_assert!(is_unreadable, "{} of {}: {:?}", cut, whole.len(), end);
        let longer = [whole.as_slice(), b"garbage after the end"].concat();
        let (_, end) = read(&default_formats(), Pieces::whole(&longer), &SchemaLock::default());
        let is_unreadable = matches!(end, Err(ExportError::Unreadable { .. }));
        prop_assert!(is_unreadable, "{:?}", end);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), start in prop::sample::select(vec![
        &b""[..], b"PAR1", b"Obj\x01", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"{\"a\":", b"[{\"a\":", b"a,b\n\"",
    ])) {
        let bytes = [start, &bytes].concat();
        let _ = read(&default_formats(), Pieces::whole(&bytes), &SchemaLock::default());
        let _ = default_formats().inspect("an/export", Pieces::whole(&bytes), &SchemaLock::default());
    }
}
