use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000; // 2026-01-01
const ANYONE: &str = "Basic YTpi"; // a:b

fn event(number: usize) -> Value {
    json!({
        "event": "Viewed",
        "properties": {"time": 1_767_000_000, "distinct_id": "u1", "$insert_id": format!("id-{number}"), "n": number},
    })
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

struct Sent {
    answer: Answer,
    accepted: Vec<ValidEvent>,
}

fn send_as(query: &[(&str, &str)], headers: [Option<&str>; 3], body: &[u8]) -> Sent {
    let query: Vec<(String, String)> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let [content_type, content_encoding, authorization] = headers;
    let request = ImportRequest { query: &query, content_type, content_encoding, authorization, body };
    let mut accepted = Vec::new();
    let answer = import(&Project::open(), request, NOW_MS, &mut |e| accepted.push(e), &mut |_| ());
    Sent { answer, accepted }
}

fn send(body: &[u8]) -> Sent {
    send_as(&[("strict", "1")], [Some("application/json"), None, Some(ANYONE)], body)
}

fn array(events: &[Value]) -> Vec<u8> {
    serde_json::to_vec(events).unwrap()
}

fn ndjson(events: &[Value]) -> Vec<u8> {
    events.iter().flat_map(|e| format!("{e}\r\n\n").into_bytes()).collect()
}

#[test]
fn array_and_ndjson_plain_and_gzipped_are_the_same() {
    let events = [event(1), event(2)];
    let cases = [
        (Some("application/json"), None, array(&events)),
        (Some("application/json; charset=utf-8"), Some("gzip"), gzip(&array(&events))),
        (None, Some("identity"), array(&events)),
        (Some("application/x-ndjson"), None, ndjson(&events)),
        (Some("application/x-ndjson"), Some("gzip"), gzip(&ndjson(&events))),
    ];
    for (content_type, content_encoding, body) in cases {
        let sent = send_as(&[], [content_type, content_encoding, Some(ANYONE)], &body);
        assert_eq!(sent.answer.status, 200, "{content_type:?} {content_encoding:?}");
        assert_eq!(sent.answer.body, json!({"code": 200, "num_records_imported": 2, "status": "OK"}));
        let ids: Vec<_> = sent.accepted.iter().map(|e| e.insert_id.as_str()).collect();
        assert_eq!(ids, ["id-1", "id-2"]);
    }
}

#[test]
fn valid_events_of_a_partial_400_are_taken() {
    let mut bad = event(1);
    bad["properties"]["time"] = json!("yesterday");
    let mut nameless = event(3);
    nameless["properties"].as_object_mut().unwrap().shift_remove("$insert_id");
    let sent = send(&array(&[event(0), bad, event(2), nameless]));
    assert_eq!(sent.answer.status, 400);
    assert_eq!(sent.answer.events, 4);
    assert_eq!(
        sent.answer.body,
        json!({
            "code": 400,
            "error": "some data points in the request failed validation",
            "failed_records": [
                {"index": 1, "insert_id": "id-1", "field": "properties.time",
                 "message": "'properties.time' is invalid: must be specified as seconds since epoch"},
                {"index": 3, "insert_id": "", "field": "properties.$insert_id",
                 "message": "'properties.$insert_id' is invalid: must not be missing"},
            ],
            "num_records_imported": 2,
            "status": "Bad Request",
        })
    );
    assert_eq!(sent.accepted.len(), 2);
}

#[test]
fn a_lenient_import_drops_silently() {
    let body = array(&[event(0), json!({"event": ""})]);
    let sent = send_as(&[("strict", "0")], [None, None, Some(ANYONE)], &body);
    assert_eq!(sent.answer.status, 200);
    assert_eq!(sent.answer.body["num_records_imported"], 1);
    assert_eq!((sent.accepted.len(), sent.answer.events), (1, 2));
}

#[test]
fn ignored_events_are_counted_and_dropped() {
    let mut ignored = event(0);
    ignored["properties"]["$ignore"] = json!(true);
    let sent = send(&array(&[ignored]));
    assert_eq!(sent.answer.body["num_records_imported"], 1);
    assert!(sent.accepted.is_empty());
}

#[test]
fn bodies_that_cannot_be_read_are_refused_whole() {
    let cases: [(Option<&str>, Option<&str>, &[u8]); 8] = [
        (None, None, b"{\"event\""),
        (None, None, b"{}"),
        (None, None, b"[]"),
        (None, None, b"[] []"),
        (None, None, b""),
        (None, Some("gzip"), b"plain"),
        (None, Some("zstd"), b"[]"),
        (Some("text/csv"), None, b"a,b"),
    ];
    for (content_type, encoding, body) in cases {
        let sent = send_as(&[], [content_type, encoding, Some(ANYONE)], body);
        assert_eq!(sent.answer.status, 400, "{}", String::from_utf8_lossy(body));
        assert!(sent.answer.body.get("failed_records").is_none());
        assert_eq!(sent.answer.body["status"], "Bad Request");
    }
    let broken = [array(&[event(0)]), b"\n{".to_vec()].concat();
    let sent = send_as(&[], [Some("application/x-ndjson"), None, Some(ANYONE)], &broken);
    assert_eq!(sent.answer.body["error"], "line 2 is not valid JSON");
    assert!(sent.accepted.is_empty());
}

#[test]
fn wrong_credentials_are_401() {
    let sent = send_as(&[], [None, None, None], b"[]");
    assert_eq!(sent.answer.status, 401);
    assert_eq!(sent.answer.body, json!({"code": 401, "error": "Invalid credentials", "status": "Unauthorized"}));
}

#[test]
fn more_than_2000_events_are_413() {
    let events: Vec<Value> = (0..2_001).map(event).collect();
    assert_eq!(send(&array(&events[..2_000])).answer.status, 200);
    let refused = send(&array(&events));
    assert_eq!(refused.answer.status, 413);
    assert_eq!(refused.answer.body["error"], "request exceeds max limit of 2000 events");
    assert!(refused.accepted.is_empty());
    let lines = send_as(&[], [Some("application/x-ndjson"), None, Some(ANYONE)], &ndjson(&events));
    assert_eq!(lines.answer.status, 413);
}

#[test]
fn more_than_10_mb_after_decompression_are_413() {
    let spaces = vec![b' '; MAX_BODY_BYTES];
    let fits = [&spaces[..MAX_BODY_BYTES - 200], &array(&[event(0)])].concat();
    assert_eq!(send(&fits).answer.status, 200);
    let body = [&spaces[..], b"[]"].concat();
    for sent in [send(&body), send_as(&[], [None, Some("gzip"), Some(ANYONE)], &gzip(&body))] {
        assert_eq!(sent.answer.status, 413);
        assert_eq!(
            sent.answer.body,
            json!({
                "code": 413,
                "error": "request exceeds max limit of 10485760 bytes",
                "status": "Request Entity Too Large",
            })
        );
    }
}

#[test]
fn ids_are_joined_where_the_project_is_told_of_them() {
    let body = json!([
        event(1),
        { "event": "$merge", "properties": { "$distinct_ids": ["device-1", "u1"] } },
        { "event": "$merge", "properties": { "$distinct_ids": ["u1"] } },
    ])
    .to_string();
    let headers = [Some("application/json"), None, Some(ANYONE)];
    let simplified = send_as(&[("strict", "1")], headers, body.as_bytes());
    assert_eq!((simplified.answer.status, simplified.accepted.len()), (400, 0));
    assert!(simplified.answer.body["failed_records"].is_null(), "refused whole");
    let project = Project { id_merge: IdMerge::Original, ..Project::open() };
    let request = ImportRequest {
        query: &[],
        content_type: headers[0],
        content_encoding: None,
        authorization: headers[2],
        body: body.as_bytes(),
    };
    let (mut events, mut merges) = (0, Vec::new());
    let answer = import(&project, request, NOW_MS, &mut |_| events += 1, &mut |merge| merges.push(merge));
    assert_eq!((answer.status, &answer.body["num_records_imported"]), (400, &json!(2)));
    assert_eq!(answer.body["failed_records"][0]["index"], 2);
    assert_eq!((events, merges), (1, vec![Merge("device-1".into(), "u1".into())]));
}
