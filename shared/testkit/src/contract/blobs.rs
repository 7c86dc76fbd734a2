#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use driftless_core::ports::Blobs;
use futures::future::join_all;

/// The suite of [`Blobs`].
pub async fn blobs_contract(blobs: &dyn Blobs) {
    an_empty_store_has_nothing(blobs).await;
    what_was_put_is_got(blobs).await;
    putting_again_replaces(blobs).await;
    lists_are_in_order_and_paged(blobs).await;
    a_prefix_is_a_prefix_of_the_key(blobs).await;
    deleting_twice_is_deleting_once(blobs).await;
    a_folder_can_be_filled_again(blobs).await;
    concurrent_puts_and_deletes_are_apart(blobs).await;
}

async fn an_empty_store_has_nothing(blobs: &dyn Blobs) {
    assert_eq!(blobs.get("absent/a").await.unwrap(), None);
    assert!(blobs.list("", None, 10).await.unwrap().is_empty());
    assert!(blobs.list("absent/", None, 10).await.unwrap().is_empty());
}

async fn what_was_put_is_got(blobs: &dyn Blobs) {
    let large: Bytes = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    for (key, bytes) in [
        ("get/empty", Bytes::new()),
        ("get/zeros and slashes\u{e9}", Bytes::from_static(b"\0/\r\n\xff")),
        ("get/deep/er/and/deeper", large),
    ] {
        blobs.put(key, bytes.clone()).await.unwrap();
        assert_eq!(blobs.get(key).await.unwrap(), Some(bytes), "{key}");
    }
    assert_eq!(blobs.get("get").await.unwrap(), None, "a folder is not an object");
    assert_eq!(blobs.get("get/deep/er").await.unwrap(), None, "a folder is not an object");
}

async fn putting_again_replaces(blobs: &dyn Blobs) {
    for bytes in ["first and longer", "second", "second"] {
        blobs.put("replace/a", Bytes::from_static(bytes.as_bytes())).await.unwrap();
        assert_eq!(blobs.get("replace/a").await.unwrap().unwrap(), bytes);
    }
    assert_eq!(blobs.list("replace/", None, 10).await.unwrap(), ["replace/a"]);
}

async fn lists_are_in_order_and_paged(blobs: &dyn Blobs) {
    // `-` and `.` come before the slash, `0` after it.
    let sorted =
        ["list/a-b/1", "list/a.csv", "list/a/1", "list/a/b/2", "list/a/c", "list/a0", "list/b/1", "list/c", "list/é"];
    for key in sorted.iter().rev() {
        blobs.put(key, Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(blobs.list("list/", None, 100).await.unwrap(), sorted);
    assert!(blobs.list("list/", None, 0).await.unwrap().is_empty());
    for limit in 1..=sorted.len() {
        let mut paged: Vec<String> = Vec::new();
        loop {
            let after = paged.last().cloned();
            let page = blobs.list("list/", after.as_deref(), limit).await.unwrap();
            assert!(page.len() <= limit, "a page of {limit} is not longer");
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, sorted, "pages of {limit}");
    }
    let after = blobs.list("list/", Some("list/a/b"), 1).await.unwrap();
    assert_eq!(after, ["list/a/b/2"], "`after` need not exist");
    assert_eq!(blobs.list("list/", Some("a"), 1).await.unwrap(), ["list/a-b/1"]);
    assert!(blobs.list("list/", Some("z"), 1).await.unwrap().is_empty());
}

async fn a_prefix_is_a_prefix_of_the_key(blobs: &dyn Blobs) {
    for key in ["prefix/ab/1", "prefix/abc", "prefix/b"] {
        blobs.put(key, Bytes::from_static(b"x")).await.unwrap();
    }
    assert_eq!(blobs.list("prefix/a", None, 9).await.unwrap(), ["prefix/ab/1", "prefix/abc"]);
    assert_eq!(blobs.list("prefix/abc", None, 9).await.unwrap(), ["prefix/abc"]);
    assert_eq!(blobs.list("prefix/ab/", None, 9).await.unwrap(), ["prefix/ab/1"]);
    assert!(blobs.list("prefix/abc/", None, 9).await.unwrap().is_empty());
}

async fn deleting_twice_is_deleting_once(blobs: &dyn Blobs) {
    blobs.put("delete/a", Bytes::from_static(b"x")).await.unwrap();
    blobs.put("delete/b", Bytes::from_static(b"x")).await.unwrap();
    blobs.delete("delete/a").await.unwrap();
    blobs.delete("delete/a").await.unwrap();
    blobs.delete("delete/never/there").await.unwrap();
    assert_eq!(blobs.get("delete/a").await.unwrap(), None);
    assert_eq!(blobs.list("delete/", None, 10).await.unwrap(), ["delete/b"]);
}

async fn a_folder_can_be_filled_again(blobs: &dyn Blobs) {
    for _ in 0..3 {
        blobs.put("refill/x/a", Bytes::from_static(b"x")).await.unwrap();
        blobs.delete("refill/x/a").await.unwrap();
        assert!(blobs.list("refill/", None, 10).await.unwrap().is_empty());
    }
}

async fn concurrent_puts_and_deletes_are_apart(blobs: &dyn Blobs) {
    let workers = (0..16).map(|worker| async move {
        for number in 0..5 {
            let key = format!("race/{}/{worker}-{number}", number % 2);
            blobs.put(&key, Bytes::from(key.clone())).await.unwrap();
            assert_eq!(blobs.get(&key).await.unwrap().unwrap(), key);
            if number > 0 {
                blobs.delete(&key).await.unwrap();
            }
        }
    });
    join_all(workers).await;
    assert_eq!(blobs.list("race/", None, 100).await.unwrap().len(), 16);
}
