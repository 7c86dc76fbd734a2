#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use driftless_core::ports::{Item, Put, Table};
use futures::future::join_all;

/// Writers that increment one counter at the same time.
const WRITERS: u32 = 16;

/// Increments of each.
const INCREMENTS: u32 = 4;

/// The suite of [`Table`].
pub async fn table_contract(table: &dyn Table) {
    an_absent_item_is_none(table).await;
    an_item_is_created_once(table).await;
    a_write_needs_the_current_revision(table).await;
    the_token_is_that_of_the_last_write(table).await;
    bodies_come_back_byte_for_byte(table).await;
    concurrent_increments_lose_nothing(table).await;
    concurrent_creations_have_one_winner(table).await;
    facts_are_written_without_a_condition(table).await;
    lists_are_in_order_and_paged(table).await;
    partitions_are_apart(table).await;
    deleting_twice_is_deleting_once(table).await;
    a_deleted_item_starts_again(table).await;
    adding_a_member_twice_counts_once(table).await;
    concurrent_members_all_count(table).await;
    sets_are_not_items(table).await;
}

async fn an_absent_item_is_none(table: &dyn Table) {
    assert_eq!(table.get("absent", "a").await.unwrap(), None);
    assert!(table.list("absent", "", 10).await.unwrap().is_empty());
}

async fn an_item_is_created_once(table: &dyn Table) {
    let first = table.put("create", "a", None, "t1", b"1").await.unwrap();
    assert_eq!(first, Put::Done(1), "the first revision is 1");
    let second = table.put("create", "a", None, "t2", b"2").await.unwrap();
    assert_eq!(second, Put::Conflict(Some(item(1, "t1", b"1"))), "the winner is returned");
    assert_eq!(table.get("create", "a").await.unwrap(), Some(item(1, "t1", b"1")));
}

async fn a_write_needs_the_current_revision(table: &dyn Table) {
    let absent = table.put("swap", "a", Some(1), "t0", b"0").await.unwrap();
    assert_eq!(absent, Put::Conflict(None), "an expected item that is not there");
    table.put("swap", "a", None, "t1", b"1").await.unwrap();
    let second = table.put("swap", "a", Some(1), "t2", b"2").await.unwrap();
    assert_eq!(second, Put::Done(2), "the revision grows by one");
    for expected in [None, Some(0), Some(1), Some(3), Some(u64::MAX)] {
        let late = table.put("swap", "a", expected, "t3", b"3").await.unwrap();
        assert_eq!(late, Put::Conflict(Some(item(2, "t2", b"2"))), "expected {expected:?}");
    }
    assert_eq!(table.put("swap", "a", Some(2), "t3", b"3").await.unwrap(), Put::Done(3));
}

async fn the_token_is_that_of_the_last_write(table: &dyn Table) {
    table.put("token", "a", None, "t1", b"1").await.unwrap();
    table.put("token", "a", Some(1), "t2", b"1").await.unwrap();
    assert_eq!(table.get("token", "a").await.unwrap().unwrap().token, "t2");
    let Put::Conflict(Some(current)) = table.put("token", "a", Some(1), "t2", b"1").await.unwrap() else {
        panic!("a repeated write must conflict");
    };
    assert_eq!(current.token, "t2", "a writer whose answer was lost finds its own token");
}

async fn bodies_come_back_byte_for_byte(table: &dyn Table) {
    // A checkpoint of 1,500 exports has about 300 KB; a DynamoDB item has at most 400 KB.
    let large = vec![b'x'; 300_000];
    for (sort, body) in [("json", r#"{"a":"ü\u0000"}"#.as_bytes()), ("large", &large)] {
        table.put("body", sort, None, "t", body).await.unwrap();
        assert_eq!(table.get("body", sort).await.unwrap().unwrap().body, body, "{sort}");
    }
}

async fn concurrent_increments_lose_nothing(table: &dyn Table) {
    let writers = (0..WRITERS).map(|writer| async move {
        for number in 0..INCREMENTS {
            increment(table, &format!("{writer}-{number}")).await;
        }
    });
    join_all(writers).await;
    let total = WRITERS * INCREMENTS;
    let item = table.get("count", "a").await.unwrap().unwrap();
    assert_eq!(item.body, total.to_string().into_bytes());
    assert_eq!(item.revision, u64::from(total));
}

async fn increment(table: &dyn Table, token: &str) {
    loop {
        let item = table.get("count", "a").await.unwrap();
        let count = item.as_ref().map_or(0, |item| number_in(&item.body));
        let body = (count + 1).to_string();
        let expected = item.map(|item| item.revision);
        let put = table.put("count", "a", expected, token, body.as_bytes()).await;
        if let Put::Done(_) = put.unwrap() {
            return;
        }
    }
}

fn number_in(body: &[u8]) -> u32 {
    std::str::from_utf8(body).unwrap().parse().unwrap()
}

async fn concurrent_creations_have_one_winner(table: &dyn Table) {
    let writers = (0..WRITERS).map(|writer| async move {
        let token = writer.to_string();
        table.put("race", "a", None, &token, b"1").await.unwrap()
    });
    let puts = join_all(writers).await;
    let winners = puts.iter().filter(|put| **put == Put::Done(1)).count();
    assert_eq!(winners, 1);
    let winner = table.get("race", "a").await.unwrap();
    for put in puts.into_iter().filter(|put| *put != Put::Done(1)) {
        assert_eq!(put, Put::Conflict(winner.clone()), "every loser sees the winner");
    }
}

async fn facts_are_written_without_a_condition(table: &dyn Table) {
    table.put_fact("fact", "a", b"1").await.unwrap();
    table.put_fact("fact", "a", b"2").await.unwrap();
    let item = table.get("fact", "a").await.unwrap().unwrap();
    assert_eq!((item.revision, item.body.as_slice()), (2, b"2".as_slice()));
    table.put("fact", "b", None, "t", b"1").await.unwrap();
    table.put_fact("fact", "b", b"2").await.unwrap();
    let late = table.put("fact", "b", Some(1), "t", b"3").await.unwrap();
    assert!(matches!(late, Put::Conflict(Some(_))), "a fact is a write like any other");
}

async fn lists_are_in_order_and_paged(table: &dyn Table) {
    // The order is that of the bytes, as keys of exports are ordered.
    let sorted = ["-", "0", "10", "2", "A", "a", "a b", "a-b", "a/b", "a0", "ab", "é", "日"];
    for sort in sorted.iter().rev() {
        table.put("list", sort, None, sort, sort.as_bytes()).await.unwrap();
    }
    let all = table.list("list", "", 100).await.unwrap();
    assert_eq!(all.iter().map(|(sort, _)| sort.as_str()).collect::<Vec<_>>(), sorted);
    assert!(all.iter().all(|(sort, found)| *found == item(1, sort, sort.as_bytes())));
    for limit in 1..=sorted.len() {
        let mut paged = Vec::new();
        loop {
            let after = paged.last().map_or("", |(sort, _): &(String, Item)| sort.as_str());
            let page = table.list("list", after, limit).await.unwrap();
            assert!(page.len() <= limit, "a page of {limit} is not longer");
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "pages of {limit}");
    }
    let between = table.list("list", "a.", 1).await.unwrap();
    assert_eq!(between[0].0, "a/b", "`after` need not exist");
}

async fn partitions_are_apart(table: &dyn Table) {
    table.put("apart", "x/a", None, "t", b"1").await.unwrap();
    table.put("apart/x", "a", None, "t", b"2").await.unwrap();
    table.put("apart0", "a", None, "t", b"3").await.unwrap();
    assert_eq!(table.list("apart", "", 10).await.unwrap().len(), 1);
    assert_eq!(table.get("apart", "x/a").await.unwrap().unwrap().body, b"1");
    assert_eq!(table.get("apart/x", "a").await.unwrap().unwrap().body, b"2");
}

async fn deleting_twice_is_deleting_once(table: &dyn Table) {
    table.put("delete", "a", None, "t", b"1").await.unwrap();
    table.put("delete", "b", None, "t", b"1").await.unwrap();
    table.delete("delete", "a").await.unwrap();
    table.delete("delete", "a").await.unwrap();
    assert_eq!(table.get("delete", "a").await.unwrap(), None);
    assert_eq!(table.list("delete", "", 10).await.unwrap().len(), 1);
}

async fn a_deleted_item_starts_again(table: &dyn Table) {
    table.put("again", "a", None, "t1", b"1").await.unwrap();
    table.delete("again", "a").await.unwrap();
    let late = table.put("again", "a", Some(1), "t2", b"2").await.unwrap();
    assert_eq!(late, Put::Conflict(None));
    assert_eq!(table.put("again", "a", None, "t2", b"2").await.unwrap(), Put::Done(1));
}

async fn adding_a_member_twice_counts_once(table: &dyn Table) {
    for (member, size) in [(7, 1), (7, 1), (0, 2), (u32::MAX, 3), (7, 3)] {
        assert_eq!(table.add_member("set", "a", member).await.unwrap(), size, "{member}");
    }
    assert_eq!(table.add_member("set", "b", 7).await.unwrap(), 1, "another set");
    table.delete("set", "a").await.unwrap();
    assert_eq!(table.add_member("set", "a", 7).await.unwrap(), 1, "a deleted set is empty");
}

async fn concurrent_members_all_count(table: &dyn Table) {
    let writers = (0..WRITERS).map(|member| table.add_member("members", "a", member));
    let mut sizes: Vec<u32> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
    sizes.sort_unstable();
    let last = *sizes.last().unwrap();
    assert_eq!(last, WRITERS, "whoever adds the last member sees all");
    assert_eq!(sizes, (1..=WRITERS).collect::<Vec<_>>(), "only one adds the last member");
}

async fn sets_are_not_items(table: &dyn Table) {
    table.put("mixed", "a", None, "t", b"1").await.unwrap();
    table.add_member("mixed", "done-0", 1).await.unwrap();
    table.put("mixed", "e", None, "t", b"1").await.unwrap();
    let listed = table.list("mixed", "", 2).await.unwrap();
    assert_eq!(listed.iter().map(|(sort, _)| sort.as_str()).collect::<Vec<_>>(), ["a", "e"]);
    assert_eq!(table.get("mixed", "done-0").await.unwrap(), None);
}

fn item(revision: u64, token: &str, body: &[u8]) -> Item {
    Item { revision, token: token.to_string(), body: body.to_vec() }
}
