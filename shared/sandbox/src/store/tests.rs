use serde_json::json;

use super::*;
use crate::mixpanel::validate::ValidEvent;

const DAY_MS: i64 = 86_400_000;

fn event(name: &str, insert_id: &str, time_ms: i64, deleted: bool) -> ValidEvent {
    let properties = if deleted { json!({"driftless_deleted": true}) } else { json!({"n": 1}) };
    ValidEvent {
        event: name.into(),
        distinct_id: "u".into(),
        time_ms,
        insert_id: insert_id.into(),
        properties: properties.as_object().unwrap().clone(),
    }
}

fn record(store: &Store, project: &str, at_ms: i64, events: &[ValidEvent]) {
    let request = NewRequest { at_ms, path: "/import", project, status: 200, events: events.len() + 1, note: "" };
    store.record(&request, events, &[]).unwrap();
}

fn filled() -> Store {
    let store = Store::open(&StorePath::Memory).unwrap();
    record(&store, "p", 10, &[event("a", "1", DAY_MS, false), event("a", "2", DAY_MS, false)]);
    record(&store, "p", 20, &[event("a", "1", DAY_MS, false), event("b", "1", 2 * DAY_MS, false)]);
    record(&store, "p", 30, &[event("a", "2", DAY_MS, true)]);
    store
}

fn seqs(rows: &[CopyRow]) -> Vec<i64> {
    rows.iter().map(|row| row.seq).collect()
}

#[test]
fn raw_reads_return_every_copy_in_pages() {
    let store = filled();
    let all = store.copies(&CopyFilter::default(), 0, 100).unwrap();
    assert_eq!(seqs(&all), [1, 2, 3, 4, 5]);
    let page = store.copies(&CopyFilter::default(), 2, 2).unwrap();
    assert_eq!(seqs(&page), [3, 4]);
}

#[test]
fn visible_reads_return_the_latest_copy() {
    let store = filled();
    let visible = CopyFilter { visible: true, ..CopyFilter::default() };
    assert_eq!(seqs(&store.copies(&visible, 0, 100).unwrap()), [3, 4, 5]);
    let live = CopyFilter { hide_deleted: true, ..visible };
    assert_eq!(seqs(&store.last_copies(&live, 100).unwrap()), [4, 3]);
}

#[test]
fn reads_are_filtered() {
    let store = filled();
    let filter = |change: fn(&mut CopyFilter)| {
        let mut filter = CopyFilter::default();
        change(&mut filter);
        seqs(&store.copies(&filter, 0, 100).unwrap())
    };
    assert_eq!(filter(|f| f.events = Some(vec!["b".into(), "c".into()])), [4]);
    assert_eq!(filter(|f| f.events = Some(vec![])), Vec::<i64>::new());
    assert_eq!(filter(|f| f.from_ms = Some(2 * DAY_MS)), [4]);
    assert_eq!(filter(|f| f.until_ms = Some(2 * DAY_MS)), [1, 2, 3, 5]);
    assert_eq!(filter(|f| f.project = Some("q".into())), Vec::<i64>::new());
    assert_eq!(filter(|f| f.distinct_id = Some("u".into())).len(), 5);
}

#[test]
fn counts_add_up() {
    let store = filled();
    let counts = store.event_counts().unwrap();
    let a = EventCount { event: "a".into(), visible: 1, deleted: 1, copies: 4, latest_ms: DAY_MS, received_ms: 30 };
    let b = EventCount { event: "b".into(), visible: 1, deleted: 0, copies: 1, latest_ms: 2 * DAY_MS, received_ms: 20 };
    assert_eq!(counts, [a, b]);
    let days: Vec<_> = store.day_counts().unwrap().into_iter().map(|d| (d.event, d.day, d.visible, d.copies)).collect();
    assert_eq!(days, [("a".into(), "1970-01-02".into(), 1, 4), ("b".into(), "1970-01-03".into(), 1, 1)]);
    let totals = store.totals().unwrap();
    let expected = Totals { requests: 3, received: 8, accepted: 5, copies: 5, visible: 2, deleted: 1, hidden: 2 };
    assert_eq!(totals, expected);
    assert_eq!(totals.rejected(), 3);
    assert_eq!(store.statuses().unwrap().into_iter().collect::<Vec<_>>(), [(200, 3)]);
}

#[test]
fn projects_do_not_hide_each_other() {
    let store = filled();
    record(&store, "q", 40, &[event("a", "1", DAY_MS, false)]);
    assert_eq!(store.totals().unwrap().visible, 3);
}

#[test]
fn requests_come_latest_first_and_all_can_be_forgotten() {
    let store = filled();
    let requests = store.last_requests(2).unwrap();
    assert_eq!(requests.iter().map(|r| r.at_ms).collect::<Vec<_>>(), [30, 20]);
    assert_eq!(store.clear().unwrap(), 5);
    assert_eq!(store.totals().unwrap(), Totals::default());
}

#[test]
fn a_file_is_opened_again_and_a_foreign_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = StorePath::File(folder.path().join("sandbox.db"));
    record(&Store::open(&path).unwrap(), "p", 1, &[event("a", "1", DAY_MS, false)]);
    assert_eq!(Store::open(&path).unwrap().totals().unwrap().copies, 1);

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = Store::open(&StorePath::File(foreign)).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to be read as one".repeat(20)).unwrap();
    assert!(matches!(Store::open(&StorePath::File(text)).unwrap_err(), StoreError::Open { .. }));
}
