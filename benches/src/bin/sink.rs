//! A counting sink for events on 127.0.0.1.

use std::time::Duration;

use clap::Parser;
use driftless_benches::Result;
use driftless_benches::sink::Sink;

/// Count the events that arrive at POST /import. GET /count tells them, DELETE /count resets them.
#[derive(Parser)]
struct Args {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds before each import is answered.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let args = Args::parse();
    let sink = Sink::bind(args.port, Duration::from_millis(args.delay_ms)).await?;
    println!("{{\"address\":\"{}\"}}", sink.address()?);
    sink.serve().await;
    Ok(())
}
