//! A destination that answers as a test wants.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens on this machine until the test ends.
pub struct Server {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<String>>>>,
}

impl Server {
    /// `answer` gets the number of the request, from 0, and of the events in it; it gives the bytes to write back.
    pub fn answering(answer: impl Fn(usize, usize) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
        let seen = bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = read_lines(&mut stream);
                let number = seen.lock().unwrap().len();
                let bytes = answer(number, lines.len());
                seen.lock().unwrap().push(lines);
                // A client that has gone is no concern of the server.
                let _ = stream.write_all(&bytes);
            }
        });
        Self { url, bodies }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The events of each request so far.
    pub fn bodies(&self) -> Vec<Vec<String>> {
        self.bodies.lock().unwrap().clone()
    }
}

fn read_lines(stream: &mut TcpStream) -> Vec<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65_536];
    let head = loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the request breaks off");
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let headers = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length =
        headers.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.trim().parse().unwrap());
    while bytes.len() < head + length {
        let read = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..read]);
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[head..]).read_to_string(&mut text).unwrap();
    text.lines().map(String::from).collect()
}

/// A whole answer. The connection is closed after it.
pub fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// The answer of a success.
pub fn imported(events: usize) -> Vec<u8> {
    reply("200 OK", "", &format!("{{\"code\":200,\"num_records_imported\":{events},\"status\":\"OK\"}}"))
}
