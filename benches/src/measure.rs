//! Runs a program and measures its wall time, CPU time and peak memory (Linux: from `/proc`).
//!
//! A child that has ended and is not yet waited for still shows its final CPU time. So the loop
//! below watches for that state, reads the exact numbers, and only then waits.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;

/// Time between two looks; the wall time is exact to this.
const LOOK: Duration = Duration::from_millis(5);
/// CPU time in `/proc` is in hundredths of a second on every Linux architecture.
const TICKS: f64 = 100.0;

/// What a program used.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// From start to end.
    pub wall_s: f64,
    /// User and system time, with that of its own children.
    pub cpu_s: f64,
    /// Largest resident size, in MB of 1,000,000 bytes.
    pub peak_mb: f64,
    /// It ended with code 0.
    pub success: bool,
}

/// Runs `command` to its end, or kills it after `limit`.
pub fn measure(command: &mut Command, limit: Duration) -> Result<Measured> {
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let (mut cpu_s, mut peak_kb) = (0.0, 0);
    while let Some(stat) = stat(child.id()) {
        cpu_s = stat.cpu_s;
        if stat.ended {
            break;
        }
        peak_kb = peak_kb.max(high_water_kb(child.id()).unwrap_or(0));
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("stopped after {} s", limit.as_secs()).into());
        }
        sleep(LOOK);
    }
    let wall_s = start.elapsed().as_secs_f64();
    let success = child.wait()?.success();
    Ok(Measured { wall_s, cpu_s, peak_mb: peak_kb as f64 * 1024.0 / 1e6, success })
}

/// CPU seconds that a running process has used.
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    stat(pid).map(|stat| stat.cpu_s)
}

struct Stat {
    ended: bool,
    cpu_s: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The program's name stands in brackets and may hold anything: fields count from the last bracket.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Stat { ended: matches!(fields.first(), Some(&("Z" | "X"))), cpu_s: ticks as f64 / TICKS })
}

fn high_water_kb(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_stat_line_with_a_bracket_in_the_name() {
        let stat = parse_stat("7 (a) b) Z 1 7 7 0 -1 4 0 0 0 0 150 25 20 5 20 0 1 0 9").unwrap();
        assert!(stat.ended);
        assert!((stat.cpu_s - 2.0).abs() < 1e-9);
    }

    #[test]
    fn measures_a_program() {
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"]);
        let measured = measure(&mut command, Duration::from_secs(60)).unwrap();
        assert!(measured.success);
        assert!(measured.cpu_s > 0.0 && measured.peak_mb > 0.1);
        let mut fails = Command::new("false");
        assert!(!measure(&mut fails, Duration::from_secs(60)).unwrap().success);
    }
}
