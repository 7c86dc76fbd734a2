#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Seek, SeekFrom};

use driftless_core::model::ExportVersion;
use driftless_core::ports::{ExportBytes, ExportError, ExportStore};

/// What a warehouse does to the store that a suite looks at.
pub trait ExportWriter {
    /// Writes an export whole, replacing the one before it.
    fn put(&self, key: &str, bytes: &[u8]);
    /// Removes an export.
    fn delete(&self, key: &str);
}

/// The suite of [`ExportStore`].
pub async fn export_store_contract(store: &dyn ExportStore, writer: &dyn ExportWriter) {
    let check = Check { store, writer };
    check.an_empty_store_has_nothing().await;
    check.a_version_says_what_is_there().await;
    check.lists_are_in_order_and_paged().await;
    check.a_prefix_is_a_prefix_of_the_key().await;
    check.a_listed_version_stays_the_same_until_it_is_written().await;
    check.a_replaced_export_is_another_version().await;
    check.opened_bytes_are_pinned().await;
    check.a_replaced_or_deleted_export_does_not_open().await;
    check.bytes_are_read_from_any_place().await;
}

struct Check<'a> {
    store: &'a dyn ExportStore,
    writer: &'a dyn ExportWriter,
}

impl Check<'_> {
    async fn an_empty_store_has_nothing(&self) {
        assert!(self.list("", None, 10).await.is_empty());
        assert!(self.list("absent/", None, 10).await.is_empty());
    }

    async fn a_version_says_what_is_there(&self) {
        self.writer.put("version/a.csv", b"1234567");
        let version = self.version("version/a.csv").await;
        assert_eq!((version.key.as_str(), version.size_bytes), ("version/a.csv", 7));
        assert!(!version.etag.is_empty());
        assert!(version.modified_ms > 0);
        self.writer.put("version/empty", b"");
        assert_eq!(self.version("version/empty").await.size_bytes, 0);
    }

    async fn lists_are_in_order_and_paged(&self) {
        // `-` and `.` come before the slash, `0` after it.
        let sorted = [
            "list/a-b/1",
            "list/a.csv",
            "list/a/1",
            "list/a/b/2",
            "list/a/c",
            "list/a0",
            "list/b/1",
            "list/c d",
            "list/é",
        ];
        for key in sorted.iter().rev() {
            self.writer.put(key, key.as_bytes());
        }
        assert_eq!(self.list("list/", None, 100).await, sorted);
        assert!(self.list("list/", None, 0).await.is_empty());
        for limit in 1..=sorted.len() {
            let mut paged: Vec<String> = Vec::new();
            loop {
                let page = self.list("list/", paged.last().map(String::as_str), limit).await;
                assert!(page.len() <= limit, "a page of {limit} is not longer");
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, sorted, "pages of {limit}");
        }
        assert_eq!(self.list("list/", Some("list/a/b"), 1).await, ["list/a/b/2"], "`after` need not exist");
        assert_eq!(self.list("list/", Some("a"), 1).await, ["list/a-b/1"]);
        assert!(self.list("list/", Some("z"), 1).await.is_empty());
    }

    async fn a_prefix_is_a_prefix_of_the_key(&self) {
        for key in ["prefix/ab/1", "prefix/abc", "prefix/b"] {
            self.writer.put(key, b"x");
        }
        assert_eq!(self.list("prefix/a", None, 9).await, ["prefix/ab/1", "prefix/abc"]);
        assert_eq!(self.list("prefix/ab/", None, 9).await, ["prefix/ab/1"]);
        assert!(self.list("prefix/abc/", None, 9).await.is_empty());
    }

    async fn a_listed_version_stays_the_same_until_it_is_written(&self) {
        self.writer.put("same/a", b"1");
        let first = self.version("same/a").await;
        self.read(&first).await;
        assert_eq!(self.version("same/a").await, first);
        assert!(self.version("same/a").await.is_same(&first));
    }

    async fn a_replaced_export_is_another_version(&self) {
        self.writer.put("replace/a", b"1");
        let first = self.version("replace/a").await;
        self.writer.put("replace/a", b"2");
        let second = self.version("replace/a").await;
        assert!(!first.is_same(&second), "of equal size");
        assert_eq!(self.read(&second).await, b"2");
    }

    async fn opened_bytes_are_pinned(&self) {
        let content: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        self.writer.put("pinned/a", &content);
        let mut bytes = self.open(&self.version("pinned/a").await).await;
        let mut read = vec![0; 100];
        bytes.read_exact(&mut read).unwrap();
        self.writer.put("pinned/a", b"other");
        // Either all bytes are still those of the pinned version, or the store says that they are not.
        if bytes.read_to_end(&mut read).is_ok() && bytes.is_still_pinned().unwrap() {
            assert!(read == content, "bytes of another version were read");
        }
    }

    async fn a_replaced_or_deleted_export_does_not_open(&self) {
        self.writer.put("changed/a", b"1");
        self.writer.put("changed/b", b"1");
        let replaced = self.version("changed/a").await;
        let deleted = self.version("changed/b").await;
        self.writer.put("changed/a", b"2");
        self.writer.delete("changed/b");
        let mut foreign = replaced.clone();
        foreign.key = "changed/never/there".to_string();
        for version in [replaced, deleted, foreign] {
            let Err(error) = self.store.open(&version).await else {
                panic!("{} is not what it was", version.key);
            };
            assert_eq!(error, ExportError::Changed { export: version.key });
        }
        assert_eq!(self.list("changed/", None, 9).await, ["changed/a"]);
    }

    async fn bytes_are_read_from_any_place(&self) {
        self.writer.put("seek/a", b"0123456789");
        let mut bytes = self.open(&self.version("seek/a").await).await;
        for (from, place, expected) in [
            (SeekFrom::End(-3), 7, "789"),
            (SeekFrom::Start(2), 2, "23456789"),
            (SeekFrom::Start(10), 10, ""),
            (SeekFrom::Current(-1), 9, "9"),
        ] {
            assert_eq!(bytes.seek(from).unwrap(), place);
            let mut text = String::new();
            bytes.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "{from:?}");
        }
        assert!(bytes.is_still_pinned().unwrap());
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let versions = self.store.list(prefix, after, limit).await.unwrap();
        versions.into_iter().map(|version| version.key).collect()
    }

    async fn version(&self, key: &str) -> ExportVersion {
        let versions = self.store.list(key, None, 1).await.unwrap();
        versions.into_iter().next().unwrap()
    }

    async fn open(&self, version: &ExportVersion) -> Box<dyn ExportBytes> {
        self.store.open(version).await.unwrap()
    }

    async fn read(&self, version: &ExportVersion) -> Vec<u8> {
        let mut content = Vec::new();
        let mut bytes = self.open(version).await;
        bytes.read_to_end(&mut content).unwrap();
        assert!(bytes.is_still_pinned().unwrap());
        content
    }
}
