use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::*;

const ANYONE: &str = "Basic YTpi"; // a:b

/// Sends one request and reads until the server closes: (status, head, body). Status 0 if nothing came back.
async fn call(sandbox: &Sandbox, method: &str, path: &str, auth: &str, body: &[u8]) -> (u16, String, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nAuthorization: {auth}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (addr, request) = (sandbox.addr, [head.as_bytes(), body].concat());
    tokio::task::spawn_blocking(move || exchange(addr, &request)).await.unwrap()
}

fn exchange(addr: SocketAddr, request: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return (0, String::new(), answer);
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body) } else { body.to_owned() };
    (status, head.to_owned(), body)
}

fn unchunk(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    body
}

async fn get_json(sandbox: &Sandbox, path: &str) -> Value {
    serde_json::from_str(&call(sandbox, "GET", path, ANYONE, b"").await.2).unwrap()
}

fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(ids: &[&str], n: u64) -> Vec<u8> {
    let events: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({"event": "Paid", "properties": {
                "time": 1_767_225_600_123_i64, "distinct_id": "u \"1\"", "$insert_id": id, "n": n}})
        })
        .collect();
    serde_json::to_vec(&events).unwrap()
}

async fn with_faults(faults: FaultPlan) -> Sandbox {
    let config = SandboxConfig { faults, ..SandboxConfig::local(0) };
    start(config).await.unwrap()
}

const EXPORT: &str = "/api/2.0/export?from_date=2026-01-01&to_date=2026-01-01&project_id=7";

#[tokio::test]
async fn export_returns_every_copy_and_events_the_latest() {
    let sandbox = with_faults(FaultPlan::default()).await;
    for n in 1..=2 {
        let answer = call(&sandbox, "POST", "/import?strict=1&project_id=7", ANYONE, &events(&["a-1", "a-2"], n)).await;
        assert_eq!(answer.0, 200, "{}", answer.2);
    }
    let (status, head, body) = call(&sandbox, "GET", EXPORT, ANYONE, b"").await;
    assert_eq!(status, 200);
    assert!(head.contains("text/plain"));
    let rows = parsed(&body);
    let seen: Vec<_> = rows
        .iter()
        .map(|r| (r["properties"]["$insert_id"].as_str().unwrap(), r["properties"]["n"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("a-1", 1), ("a-2", 1), ("a-1", 2), ("a-2", 2)]);
    assert_eq!(rows[0]["event"], "Paid");
    assert_eq!(rows[0]["properties"]["time"], 1_767_225_600);
    assert_eq!(rows[0]["properties"]["distinct_id"], "u \"1\"");
    assert!(rows[0]["properties"]["mp_processing_time_ms"].is_i64());

    let count =
        async |suffix: &str| parsed(&call(&sandbox, "GET", &format!("{EXPORT}{suffix}"), ANYONE, b"").await.2).len();
    assert_eq!(count("&limit=3").await, 3);
    assert_eq!(count("&event=[%22Paid%22]").await, 4);
    assert_eq!(count("&event=[%22Other%22]").await, 0);
    let other_day = EXPORT.replace("2026-01-01", "2026-01-02");
    assert_eq!(call(&sandbox, "GET", &other_day, ANYONE, b"").await.2, "");
    let other_project = EXPORT.replace("=7", "=8");
    assert_eq!(call(&sandbox, "GET", &other_project, ANYONE, b"").await.2, "");

    let visible = parsed(&call(&sandbox, "GET", "/sandbox/events.json", ANYONE, b"").await.2);
    assert_eq!(visible.len(), 2);
    assert_eq!(visible[0]["properties"]["n"], 2);
    assert_eq!(visible[0]["properties"]["time"], 1_767_225_600_123_i64);
    let summary = get_json(&sandbox, "/sandbox/summary.json").await;
    assert_eq!(summary["totals"]["copies"], 4);
    assert_eq!(summary["totals"]["hidden"], 2);
    assert_eq!(summary["days"][0]["day"], "2026-01-01");
    assert!(call(&sandbox, "GET", "/?event=Paid", ANYONE, b"").await.2.contains("Paid"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_export_of_many_pages_is_whole_and_in_order() {
    let sandbox = with_faults(FaultPlan::default()).await;
    let ids: Vec<String> = (1..=1_500).map(|i| format!("id-{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for n in 0..3 {
        call(&sandbox, "POST", "/import?project_id=7", ANYONE, &events(&ids, n)).await;
    }
    let rows = parsed(&call(&sandbox, "GET", EXPORT, ANYONE, b"").await.2);
    assert_eq!(rows.len(), 4_500);
    assert!(rows.is_sorted_by_key(|row| row["properties"]["n"].as_u64()));
    let visible = call(&sandbox, "GET", "/sandbox/events.json", ANYONE, b"").await.2;
    assert_eq!(parsed(&visible).len(), 1_500);
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let sandbox = with_faults(FaultPlan::default()).await;
    assert_eq!(call(&sandbox, "POST", "/import", "Bearer x", b"[]").await.0, 401);
    assert_eq!(call(&sandbox, "GET", EXPORT, "", b"").await.0, 401);
    let large = vec![b' '; MAX_BODY_BYTES_SENT];
    let (status, _, body) = call(&sandbox, "POST", "/import", ANYONE, &large).await;
    assert_eq!(status, 413);
    assert!(body.contains("request exceeds max limit of 10485760 bytes"), "{body}");
    for wrong in [
        "from_date=x&to_date=2026-01-01",
        "from_date=2026-01-01",
        "from_date=2026-01-01&to_date=2026-01-01&limit=100001",
    ] {
        let path = format!("/api/2.0/export?{wrong}");
        assert_eq!(call(&sandbox, "GET", &path, ANYONE, b"").await.0, 400, "{wrong}");
    }
    assert_eq!(get_json(&sandbox, "/sandbox/summary.json").await["statuses"], json!({"401": 1, "413": 1}));
}

/// Larger than Mixpanel's limit, smaller than what the server reads.
const MAX_BODY_BYTES_SENT: usize = crate::mixpanel::limits::MAX_BODY_BYTES + 1;

#[tokio::test]
async fn a_lost_answer_is_applied() {
    let sandbox = with_faults(FaultPlan { lost_answer: 1.0, ..FaultPlan::default() }).await;
    let (status, _, body) = call(&sandbox, "POST", "/import?project_id=7", ANYONE, &events(&["a-1"], 1)).await;
    assert_eq!((status, body.as_str()), (0, ""));
    let store = sandbox.store();
    assert_eq!(store.totals().unwrap().visible, 1);
    let request = store.last_requests(1).unwrap().remove(0);
    assert_eq!((request.status, request.note.as_str()), (0, "answer 200 lost on purpose."));
}

#[tokio::test]
async fn faults_are_answered_not_applied_and_can_be_replaced() {
    let sandbox = with_faults(FaultPlan { rate_429: 1.0, retry_after_s: Some(2), ..FaultPlan::default() }).await;
    let send = async || call(&sandbox, "POST", "/import?project_id=7", ANYONE, &events(&["a-1"], 1)).await;
    let (status, head, _) = send().await;
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 2"), "{head}");
    assert_eq!(sandbox.store().totals().unwrap().copies, 0);
    let set = async |body: &'static str| call(&sandbox, "POST", "/sandbox/faults", "", body.as_bytes()).await.0;
    assert_eq!(set(r#"{"rate_5xx": 1.0}"#).await, 200);
    assert!(matches!(send().await.0, 502 | 503));
    assert_eq!(set(r#"{"rate_5xx": 2.0}"#).await, 400);
    assert_eq!(set(r#"{"typo": 1}"#).await, 400);
    assert_eq!(set("{}").await, 200);
    assert_eq!(send().await.0, 200);
    let (_, _, removed) = call(&sandbox, "DELETE", "/sandbox/data", "", b"").await;
    assert_eq!(removed, r#"{"removed":1}"#);
    assert_eq!(sandbox.store().totals().unwrap().requests, 0);
}

#[tokio::test]
async fn a_taken_port_and_nonsense_faults_are_refused() {
    let sandbox = with_faults(FaultPlan::default()).await;
    let taken = SandboxConfig { addr: sandbox.addr, ..SandboxConfig::local(0) };
    assert!(matches!(start(taken).await.unwrap_err(), SandboxError::Listen { .. }));
    let nonsense =
        SandboxConfig { faults: FaultPlan { rate_429: 2.0, ..FaultPlan::default() }, ..SandboxConfig::local(0) };
    assert!(matches!(start(nonsense).await.unwrap_err(), SandboxError::Faults(_)));
}
