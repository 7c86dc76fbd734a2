//! The sink over real connections: gzip NDJSON, arrays, chunked bodies, pipelining, bad input.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use driftless_benches::sink::Sink;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(delay_ms: u64) -> SocketAddr {
    let sink = Sink::bind(0, Duration::from_millis(delay_ms)).await.unwrap();
    let address = sink.address().unwrap();
    tokio::spawn(sink.serve());
    address
}

/// Sends bytes, ends its side, and gives all that comes back.
async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST /import?strict=1 HTTP/1.1\r\nHost: sink\r\n{headers}\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

fn fixed(encoding: &str, body: &[u8]) -> Vec<u8> {
    post(&format!("Content-Length: {}\r\n{encoding}", body.len()), body)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

async fn counts(address: SocketAddr) -> String {
    let answer = talk(address, b"GET /count HTTP/1.1\r\n\r\n").await;
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn counts_gzip_lines_and_a_gzip_array() {
    let address = start(0).await;
    let lines = gzip("{\"a\":1}\n{\"a\":2}\n");
    let array = gzip("[{\"$insert_id\":\"1\"},{\"$insert_id\":\"2\"},{\"$insert_id\":\"3\"}]");
    let answer = talk(address, &fixed("Content-Encoding: gzip\r\n", &lines)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"code\":200,\"num_records_imported\":2,\"status\":\"OK\"}"), "{answer}");
    let answer = talk(address, &fixed("content-encoding: gzip\r\n", &array)).await;
    assert!(answer.contains("\"num_records_imported\":3"), "{answer}");
    let bytes = lines.len() + array.len();
    assert_eq!(counts(address).await, format!("{{\"events\":5,\"requests\":2,\"bytes\":{bytes}}}"));

    talk(address, b"DELETE /count HTTP/1.1\r\n\r\n").await;
    assert_eq!(counts(address).await, "{\"events\":0,\"requests\":0,\"bytes\":0}");
}

#[tokio::test]
async fn reads_a_chunked_body_that_arrives_in_small_pieces() {
    let address = start(0).await;
    let body = gzip(&"{\"a\":1}\n".repeat(5_000));
    let mut chunks = Vec::new();
    for chunk in body.chunks(37) {
        chunks.extend(format!("{:x};x=y\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\nTrailer: x\r\n\r\n");
    let request = post("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", &chunks);
    let mut stream = TcpStream::connect(address).await.unwrap();
    for piece in request.chunks(11) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\"num_records_imported\":5000"), "{answer}");
}

#[tokio::test]
async fn answers_pipelined_requests_of_one_connection_in_order() {
    let address = start(0).await;
    let mut both = fixed("", b"{}\n{}\n");
    both.extend(fixed("", b"{}\n"));
    let answer = talk(address, &both).await;
    let first = answer.find("imported\":2").unwrap();
    assert!(first < answer.find("imported\":1").unwrap());
}

#[tokio::test]
async fn waits_for_its_delay() {
    let address = start(60).await;
    let start = Instant::now();
    talk(address, &fixed("", b"{}\n")).await;
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn outlives_bad_requests() {
    let address = start(0).await;
    for bad in [&b"nonsense\r\n\r\n"[..], b"POST /import HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
        assert!(talk(address, bad).await.starts_with("HTTP/1.1 400"));
    }
    let not_gzip = talk(address, &fixed("Content-Encoding: gzip\r\n", b"{}\n")).await;
    assert!(not_gzip.starts_with("HTTP/1.1 400"), "{not_gzip}");
    let huge = post("Content-Length: 99999999999\r\n", b"");
    assert!(talk(address, &huge).await.starts_with("HTTP/1.1 400"));
    assert_eq!(talk(address, &post("Content-Length: 9\r\n", b"{}")).await, "");
    assert!(talk(address, b"GET /else HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404"));
    assert_eq!(counts(address).await, "{\"events\":0,\"requests\":0,\"bytes\":0}");
}
