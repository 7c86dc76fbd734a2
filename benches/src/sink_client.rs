//! The sink as a child process, and its counts over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::measure::cpu_seconds;

/// What the sink counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkCounts {
    /// Events of all bodies.
    pub events: u64,
    /// Import requests.
    pub requests: u64,
    /// Bytes of bodies as sent.
    pub bytes: u64,
}

/// A running sink; it ends when this is dropped.
pub struct SinkProcess {
    child: Child,
    address: String,
}

impl SinkProcess {
    /// Starts the sink program at `program` on a free port.
    pub fn start(program: &Path, delay_ms: u64) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--port", "0", "--delay-ms", &delay_ms.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the sink {}: {error}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address =
            serde_json::from_str::<Value>(&line).ok().and_then(|said| said.get("address")?.as_str().map(str::to_owned));
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("the sink did not print its address but {line:?}").into())
            }
        }
    }

    /// Base URL of the sink.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// CPU seconds the sink has used.
    pub fn cpu(&self) -> f64 {
        cpu_seconds(self.child.id()).unwrap_or(0.0)
    }

    /// What arrived since the last reset.
    pub fn counts(&self) -> Result<SinkCounts> {
        self.ask("GET")
    }

    /// Sets the counts to 0.
    pub fn reset(&self) -> Result<()> {
        self.ask("DELETE").map(|_| ())
    }

    fn ask(&self, method: &str) -> Result<SinkCounts> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "{method} /count HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let said: Value = serde_json::from_str(body)?;
        let number = |key: &str| said.get(key).and_then(Value::as_u64).ok_or(format!("no {key} in {body}"));
        Ok(SinkCounts { events: number("events")?, requests: number("requests")?, bytes: number("bytes")? })
    }
}

impl Drop for SinkProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
