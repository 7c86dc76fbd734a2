//! Runs every case of a bench, one after the other.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::Result;
use crate::format::Format;
use crate::generate::{Plan, find_or_generate};
use crate::measure::measure;
use crate::report::{self, Run};
use crate::sink_client::SinkProcess;
use crate::tools::{Input, Tool, ToolOptions, prepare};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The data set; written when it isn't there.
    pub plan: Plan,
    /// Its formats to measure.
    pub inputs: Vec<Format>,
    /// The tools, in the order of a table.
    pub tools: Vec<Tool>,
    /// Delays of the sink.
    pub delays_ms: Vec<u64>,
    /// How often each case runs.
    pub repeat: u32,
    /// The sink program.
    pub sink: PathBuf,
    /// Where the tools are and how they are set.
    pub options: ToolOptions,
    /// When a run is stopped.
    pub limit: Duration,
}

/// Measures all cases and says on stderr how each went. A tool that fails doesn't end the bench.
pub fn run(bench: &Bench) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for &delay_ms in &bench.delays_ms {
        let sink = SinkProcess::start(&bench.sink, delay_ms)?;
        for &format in &bench.inputs {
            let data = find_or_generate(&bench.plan, format)?;
            let input = Input { format, files: data.files };
            for tool in bench.tools.iter().copied() {
                for _ in 0..bench.repeat {
                    match one(bench, &sink, tool, &input, (delay_ms, data.bytes)) {
                        Ok(run) => {
                            eprintln!(
                                "{tool} {format} delay {delay_ms} ms: {:.1} s, {} of {} arrived",
                                run.used.wall_s, run.arrived.events, run.rows
                            );
                            runs.push(run);
                        }
                        Err(error) => eprintln!("{tool} {format} delay {delay_ms} ms: {error}"),
                    }
                }
            }
        }
    }
    Ok(runs)
}

/// How many runs the bench asks for.
pub fn expected(bench: &Bench) -> usize {
    bench.delays_ms.len() * bench.inputs.len() * bench.tools.len() * bench.repeat as usize
}

fn one(
    bench: &Bench,
    sink: &SinkProcess,
    tool: Tool,
    input: &Input,
    (delay_ms, input_bytes): (u64, u64),
) -> Result<Run> {
    sink.reset()?;
    let mut prepared = prepare(tool, input, &sink.url(), &bench.options)?;
    let (stdout, stderr) = (prepared.scratch.path().join("stdout"), prepared.scratch.path().join("stderr"));
    prepared.command.stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
    let (load, sink_before) = (report::load(), sink.cpu());
    let used = measure(&mut prepared.command, bench.limit)?;
    let sink_cpu_s = sink.cpu() - sink_before;
    if !used.success {
        eprintln!("{tool} ended badly:\n{}\n{}", tail(&stdout), tail(&stderr));
    }
    Ok(Run {
        tool,
        settings: prepared.settings,
        input: input.format,
        input_bytes,
        rows: bench.plan.rows,
        delay_ms,
        load,
        used,
        arrived: sink.counts()?,
        sink_cpu_s,
    })
}

fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let from = text.len().saturating_sub(2_000);
    String::from_utf8_lossy(&text[from..]).into_owned()
}
