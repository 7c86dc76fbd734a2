//! The results of a bench: a table for people, and a JSON file by date.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Result;
use crate::format::Format;
use crate::measure::Measured;
use crate::sink_client::SinkCounts;
use crate::tools::Tool;

/// One measured run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The tool.
    pub tool: Tool,
    /// Its settings in words.
    pub settings: String,
    /// Format of the input.
    pub input: Format,
    /// Size of the input's files.
    pub input_bytes: u64,
    /// Rows that were to arrive.
    pub rows: u64,
    /// The sink's delay before it answers.
    pub delay_ms: u64,
    /// Load average of the last minute before the run.
    pub load: f64,
    /// What the tool used.
    pub used: Measured,
    /// What arrived.
    pub arrived: SinkCounts,
    /// CPU seconds of the sink during the run.
    pub sink_cpu_s: f64,
}

impl Run {
    /// The tool ended well and as many events arrived as there were rows.
    pub fn complete(&self) -> bool {
        self.used.success && self.arrived.events == self.rows
    }

    /// Rows per second of wall time.
    pub fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.used.wall_s.max(1e-9)
    }

    /// CPU seconds that a million rows cost.
    pub fn cpu_per_million(&self) -> f64 {
        self.used.cpu_s * 1e6 / self.rows.max(1) as f64
    }

    fn json(&self) -> Value {
        json!({
            "tool": self.tool.name(),
            "settings": self.settings,
            "input": self.input.name(),
            "input_bytes": self.input_bytes,
            "rows": self.rows,
            "sink_delay_ms": self.delay_ms,
            "complete": self.complete(),
            "wall_s": round(self.used.wall_s, 3),
            "rows_per_s": self.rows_per_s().round(),
            "cpu_s": round(self.used.cpu_s, 2),
            "cpu_s_per_million_rows": round(self.cpu_per_million(), 2),
            "peak_mb": self.used.peak_mb.round(),
            "events_arrived": self.arrived.events,
            "requests": self.arrived.requests,
            "bytes_sent": self.arrived.bytes,
            "sink_cpu_s": round(self.sink_cpu_s, 2),
            "load_before": self.load,
        })
    }
}

fn round(number: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (number * scale).round() / scale
}

/// A Markdown table of runs; the ratio compares with the peer's run of the same input and delay.
pub fn table(runs: &[Run]) -> String {
    let mut out = String::from(
        "| tool | input | sink delay | rows/s | CPU-s per 1 M rows | peak MB | rows/s to peer | CPU to peer | all arrived |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for run in runs {
        let case = format!("| {} ({}) | {} | {} ms |", run.tool, run.settings, run.input, run.delay_ms);
        // The speed of a run that lost or doubled rows means nothing.
        if !run.complete() {
            let arrived = run.arrived.events;
            out.push_str(&format!("{case} | | | | | NO: {arrived} of {} |\n", run.rows));
            continue;
        }
        let (speed, cpu) = match best_peer(runs, run) {
            Some(peer) => (
                format!("{:.1}x", run.rows_per_s() / peer.rows_per_s()),
                format!("{:.2}x", run.cpu_per_million() / peer.cpu_per_million().max(1e-9)),
            ),
            None => (String::new(), String::new()),
        };
        out.push_str(&format!(
            "{case} {:.0} | {:.1} | {:.0} | {speed} | {cpu} | yes |\n",
            run.rows_per_s(),
            run.cpu_per_million(),
            run.used.peak_mb,
        ));
    }
    out
}

/// The peer's fastest complete run of the same input, rows and delay.
fn best_peer<'a>(runs: &'a [Run], run: &Run) -> Option<&'a Run> {
    runs.iter()
        .filter(|peer| peer.tool == Tool::MixpanelImport && peer.complete())
        .filter(|peer| (peer.input, peer.rows, peer.delay_ms) == (run.input, run.rows, run.delay_ms))
        .min_by(|a, b| a.used.wall_s.total_cmp(&b.used.wall_s))
}

/// Adds the runs to `folder/<date>.json`, one entry per bench of that day.
pub fn save(folder: &Path, runs: &[Run]) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let now = Timestamp::now().to_string();
    let date = now.split('T').next().unwrap_or("undated");
    let path = folder.join(format!("{date}.json"));
    let mut benches: Vec<Value> = match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(_) => Vec::new(),
    };
    let runs: Vec<Value> = runs.iter().map(Run::json).collect();
    benches.push(json!({ "at": now, "machine": machine(), "runs": runs }));
    fs::write(&path, format!("{:#}\n", Value::Array(benches)))?;
    Ok(path)
}

/// Load average of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

fn machine() -> Value {
    let line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("");
        line.trim_start_matches([':', ' ', '\t']).trim().to_owned()
    };
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "cpu": line("/proc/cpuinfo", "model name"),
        "memory": line("/proc/meminfo", "MemTotal"),
    })
}
