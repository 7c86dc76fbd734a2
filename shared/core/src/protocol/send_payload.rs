use std::collections::VecDeque;

use bytes::Bytes;

use super::Sync;
use super::limits::{BACK_OFF_FIRST_MS, BACK_OFF_JITTER_MS};
use crate::model::{Settled, StagedBatch};
use crate::ports::{Delivery, Ports, Progress, Refusal};

/// What sending a batch came to.
pub(super) enum Sent {
    /// Every line is there but these, in line order.
    Done(Vec<Refusal>),
    /// Not all of it; the same bytes go out again later.
    NotNow { wait_ms: Option<i64>, cause: String },
    /// Nothing more may be sent.
    Halt(String),
}

/// A contiguous part of the payload.
struct Part {
    first_line: u32,
    lines: u32,
    body: Bytes,
    bytes: u64,
}

/// Sends a payload, split where the destination finds it too large. After an unclear answer the same bytes go out again,
/// as long as an attempt can end before `last_start_ms`.
pub(super) async fn send_payload(
    ports: &Ports,
    sync: &Sync,
    staged: &StagedBatch,
    last_start_ms: i64,
    spent: &mut Settled,
) -> Sent {
    let whole = Part { first_line: 0, lines: staged.lines, body: staged.body.clone(), bytes: staged.payload_bytes };
    let mut parts = VecDeque::from([whole]);
    let mut refused = Vec::new();
    let mut unclear = 0u32;
    while let Some(part) = parts.pop_front() {
        if ports.clock.now_ms() > last_start_ms {
            return Sent::NotNow { wait_ms: Some(0), cause: "the lease ends".to_string() };
        }
        spent.requests += 1;
        spent.events_sent += u64::from(part.lines);
        spent.request_bytes += part.body.len() as u64;
        let answer = ports.transport.send(sync.destination.request(part.body.clone())).await;
        match sync.destination.read(part.lines, answer) {
            Delivery::Accepted => {}
            Delivery::Partly(lines) => {
                refused.extend(lines.into_iter().map(|r| Refusal { line: r.line + part.first_line, ..r }));
            }
            Delivery::Split { reason } if part.lines < 2 => {
                refused.push(Refusal { line: part.first_line, field: String::new(), reason });
            }
            Delivery::TooLarge | Delivery::Split { .. } => match split(sync, &part) {
                Ok((first, second)) => {
                    parts.push_front(second);
                    parts.push_front(first);
                }
                Err(refusal) => refused.push(refusal),
            },
            Delivery::RetryAfter { wait_ms, cause } => return Sent::NotNow { wait_ms, cause },
            Delivery::Ambiguous { cause } => {
                spent.ambiguous += 1;
                unclear += 1;
                let wait_ms = BACK_OFF_FIRST_MS * (1 << unclear.min(5)) + ports.ids.jitter(BACK_OFF_JITTER_MS) as i64;
                if unclear > 3 || ports.clock.now_ms() + wait_ms > last_start_ms {
                    return Sent::NotNow { wait_ms: None, cause };
                }
                ports.observer.note(Progress::BackingOff { sync: sync.name(), wait_ms, cause: &cause });
                ports.clock.sleep_ms(wait_ms).await;
                parts.push_front(part);
            }
            Delivery::Halt { cause, remedy } => {
                return Sent::Halt(format!("{}: {cause}. {remedy}", sync.config.destination));
            }
        }
    }
    refused.sort_by_key(|refusal| refusal.line);
    Sent::Done(refused)
}

/// Halves a part by lines. A single line that is too large is refused.
fn split(sync: &Sync, part: &Part) -> Result<(Part, Part), Refusal> {
    let refuse = |reason: &str| Refusal { line: part.first_line, field: String::new(), reason: reason.to_string() };
    if part.lines < 2 {
        return Err(refuse("this one record is larger than the destination takes"));
    }
    let payload = sync
        .destination
        .decompress(&part.body, part.bytes)
        .map_err(|_| refuse("the staged payload cannot be split"))?;
    let half = part.lines / 2;
    let mut end = 0;
    for _ in 0..half {
        end += payload[end..].iter().position(|b| *b == b'\n').map_or(payload.len() - end, |n| n + 1);
    }
    let piece = |first_line: u32, lines: u32, bytes: &[u8]| {
        let mut body = Vec::new();
        sync.destination.compress(bytes, &mut body);
        Part { first_line, lines, body: Bytes::from(body), bytes: bytes.len() as u64 }
    };
    Ok((
        piece(part.first_line, half, &payload[..end]),
        piece(part.first_line + half, part.lines - half, &payload[end..]),
    ))
}
