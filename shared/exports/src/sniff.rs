use crate::compression::Compression;
use crate::refusal::Refusal;

/// What decoded bytes are, by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Parquet,
    Avro,
    Json,
    Csv,
}

/// First bytes that name a format that is not read, with what to do instead.
pub(crate) fn refuse_foreign(head: &[u8]) -> Result<(), Refusal> {
    const AGAIN: &str =
        "export as Parquet, Avro, JSON lines or CSV, uncompressed or with gzip, zstd, bzip2 or framed snappy";
    let what = match head {
        [0x04, 0x22, 0x4d, 0x18, ..] => "lz4-compressed",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz-compressed",
        [b'7', b'z', 0xbc, 0xaf, ..] => "a 7z archive",
        [0x78, 0x9c | 0xda, ..] => "deflate-compressed without a gzip header",
        [b'P', b'A', b'R', b'E', ..] => {
            return Err(Refusal::new(
                "it is an encrypted Parquet file",
                "export without Parquet encryption; the bucket's own encryption is transparent",
            ));
        }
        [b'O', b'R', b'C', rest @ ..] if rest.iter().take(64).any(|b| *b < b'\t') => "an ORC file",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(Refusal::new("it is UTF-16 text", "export as UTF-8"));
        }
        _ if head.get(257..262) == Some(b"ustar") => "a tar archive",
        _ => return Ok(()),
    };
    Err(Refusal::new(format!("it is {what}, which is not read"), AGAIN))
}

/// What the decoded bytes of an export are. `inside` is the compression they came out of.
pub(crate) fn content_of(head: &[u8], inside: Compression) -> Result<Content, Refusal> {
    refuse_foreign(head)?;
    if inside != Compression::None {
        let again = Compression::of(head);
        if again != Compression::None {
            return Err(Refusal::new(
                format!("it is double-compressed: {} inside {}", again.name(), inside.name()),
                "compress it once",
            ));
        }
    }
    if head.starts_with(b"PAR1") {
        if inside != Compression::None {
            return Err(Refusal::new(
                format!("it is a Parquet file inside {}", inside.name()),
                "upload Parquet as it is: it compresses its own pages",
            ));
        }
        return Ok(Content::Parquet);
    }
    if head.starts_with(b"Obj\x01") {
        return Ok(Content::Avro);
    }
    match head.iter().find(|b| !b.is_ascii_whitespace()) {
        None => Ok(Content::Empty),
        Some(b'{' | b'[') => Ok(Content::Json),
        Some(_) if looks_binary(head) => Err(Refusal::new(
            "it is neither text nor a known binary format",
            "export as Parquet, Avro, JSON lines or CSV; client-side encrypted objects cannot be read",
        )),
        Some(_) => Ok(Content::Csv),
    }
}

/// Share of control bytes and broken UTF-8 above which bytes are no text: one in ten.
const BINARY_SHARE: usize = 10;

/// Bytes that are looked at to tell text from binary.
const BINARY_SAMPLE_BYTES: usize = 4096;

fn looks_binary(head: &[u8]) -> bool {
    let sample = &head[..head.len().min(BINARY_SAMPLE_BYTES)];
    let control = sample.iter().filter(|b| **b == 0 || (2..9).contains(*b) || (14..27).contains(*b)).count();
    let broken: usize = sample.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    (control + broken) * BINARY_SHARE > sample.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(head: &[u8]) -> Result<Content, Refusal> {
        content_of(head, Compression::None)
    }

    #[test]
    fn tells_formats_from_their_first_bytes() {
        assert_eq!(content(b"PAR1\x15\x04"), Ok(Content::Parquet));
        assert_eq!(content(b"Obj\x01\x04"), Ok(Content::Avro));
        assert_eq!(content(b" \n{\"a\":1}"), Ok(Content::Json));
        assert_eq!(content(b"[\n]"), Ok(Content::Json));
        assert_eq!(content(b"id,name\n"), Ok(Content::Csv));
        assert_eq!(content("ORCID,naïve\n".as_bytes()), Ok(Content::Csv));
        assert_eq!(content(b" \r\n"), Ok(Content::Empty));
        assert_eq!(Compression::of(b"BZh1 is a column"), Compression::None);
    }

    #[test]
    fn refuses_what_it_cannot_read_with_a_remedy() {
        let mut tar = vec![b'a'; 600];
        tar[257..262].copy_from_slice(b"ustar");
        for foreign in [
            &b"\x04\x22\x4d\x18"[..],
            b"\xfd7zXZ\0",
            b"\xff\xfea\0",
            b"\xfe\xff\0a",
            b"ORC\n\x02\0\0",
            b"PARE\x15",
            b"\x78\x9c\x01",
            &[0, 1, 2, 3, 200, 201, 7, 8],
            &tar,
        ] {
            let refusal = content(foreign).unwrap_err();
            assert!(!refusal.cause.is_empty() && !refusal.remedy.is_empty());
        }
        assert!(content_of(b"\x1f\x8b\x08", Compression::Gzip).unwrap_err().cause.contains("double-compressed"));
        assert!(content_of(b"PAR1", Compression::Gzip).is_err());
    }
}
