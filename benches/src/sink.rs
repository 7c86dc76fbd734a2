//! A counting stand-in for Mixpanel's `/import` and `/engage` and Amplitude's `/batch`, on loopback, as cheap in CPU as it can be.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

use crate::count::{BodyCounter, Mark};
use crate::http::{Head, Length, Requests};

/// What arrived since the start or the last reset.
#[derive(Debug, Default)]
pub struct Counts {
    events: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    fn add(&self, events: u64, bytes: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn reset(&self) {
        for number in [&self.events, &self.requests, &self.bytes] {
            number.store(0, Ordering::Relaxed);
        }
    }

    fn json(&self) -> String {
        let [events, requests, bytes] =
            [&self.events, &self.requests, &self.bytes].map(|number| number.load(Ordering::Relaxed));
        format!("{{\"events\":{events},\"requests\":{requests},\"bytes\":{bytes}}}")
    }
}

/// A sink that is bound and not yet serving.
pub struct Sink {
    listener: TcpListener,
    delay: Duration,
    counts: Arc<Counts>,
}

impl Sink {
    /// Binds to a port of 127.0.0.1 (0 takes a free one). Every import is answered after `delay`.
    pub async fn bind(port: u16, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        Ok(Self { listener, delay, counts: Arc::default() })
    }

    /// The bound address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the process ends.
    pub async fn serve(self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (counts, delay) = (self.counts.clone(), self.delay);
                    tokio::spawn(async move {
                        // A client that breaks its connection is no reason to stop.
                        let _ = connection(stream, &counts, delay).await;
                    });
                }
                // Out of file descriptors, for one: others may close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

async fn connection(stream: TcpStream, counts: &Counts, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut requests = Requests::new(reader);
    let mut counter = BodyCounter::default();
    let mut body = Vec::new();
    loop {
        let head = match requests.head().await {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(()),
            Err(error) => return refuse(&mut writer, error).await,
        };
        if head.expects_continue && head.length != Length::Fixed(0) {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        if let Err(error) = requests.body(head.length, &mut body).await {
            return refuse(&mut writer, error).await;
        }
        let (status, text) = answer(&head, &body, counts, &mut counter);
        if !delay.is_zero() && head.method == "POST" {
            tokio::time::sleep(delay).await;
        }
        send(&mut writer, status, &text, head.close).await?;
        if head.close {
            return writer.shutdown().await;
        }
    }
}

fn answer(head: &Head, body: &[u8], counts: &Counts, counter: &mut BodyCounter) -> (&'static str, String) {
    match (head.method.as_str(), head.path.as_str()) {
        ("POST", path) if let Some(mark) = mark_of(path) => match counter.count(body, head.gzip, mark) {
            Ok(events) => {
                counts.add(events, body.len() as u64);
                ("200 OK", taken(mark, events))
            }
            Err(error) => ("400 Bad Request", failure(400, &format!("gzip: {error}"))),
        },
        ("GET", "/count") => ("200 OK", counts.json()),
        ("DELETE", "/count") => {
            counts.reset();
            ("200 OK", counts.json())
        }
        _ => (
            "404 Not Found",
            failure(404, "the sink knows POST /import, /engage and /batch, GET /count and DELETE /count"),
        ),
    }
}

fn mark_of(path: &str) -> Option<Mark> {
    match path {
        "/import" => Some(Mark::Import),
        "/engage" => Some(Mark::Profile),
        "/batch" => Some(Mark::Amplitude),
        _ => None,
    }
}

/// The answer of each route if it took everything.
fn taken(mark: Mark, events: u64) -> String {
    match mark {
        Mark::Import => format!("{{\"code\":200,\"num_records_imported\":{events},\"status\":\"OK\"}}"),
        Mark::Profile => "{\"error\":null,\"status\":1}".to_owned(),
        Mark::Amplitude => format!("{{\"code\":200,\"events_ingested\":{events}}}"),
    }
}

fn failure(code: u16, text: &str) -> String {
    serde_json::json!({ "code": code, "error": text, "status": "Bad Request" }).to_string()
}

async fn refuse(writer: &mut OwnedWriteHalf, error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::InvalidData {
        send(writer, "400 Bad Request", &failure(400, &error.to_string()), true).await?;
    }
    Err(error)
}

async fn send(writer: &mut OwnedWriteHalf, status: &str, body: &str, close: bool) -> io::Result<()> {
    let connection = if close { "close" } else { "keep-alive" };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n{body}"
    );
    writer.write_all(text.as_bytes()).await
}
