use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Sync;
use super::limits::{BACK_OFF_FIRST_MS, BACK_OFF_JITTER_MS};
use crate::model::{BatchRef, Settled, StagedBatch};
use crate::ports::{Delivery, PayloadName, Ports, Progress, Refusal, TransportError};

/// What sending a batch came to.
pub(super) enum Sent {
    /// Every line is there but the refused ones.
    Done,
    /// Not all of it; what is left goes out again later.
    NotNow { wait_ms: Option<i64>, cause: String },
    /// Nothing more may be sent.
    Halt(String),
}

/// The lines of a payload that are settled already, by this attempt or an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SettledLines {
    /// First lines and lengths of stretches that the destination took.
    taken: Vec<(u32, u32)>,
    /// What it refused.
    pub refused: Vec<Refusal>,
}

impl SettledLines {
    fn take(&mut self, lines: &[u32]) {
        for line in lines {
            match self.taken.last_mut() {
                Some((first, length)) if *first + *length == *line => *length += 1,
                _ => self.taken.push((*line, 1)),
            }
        }
    }

    fn open_lines(&self, lines: u32) -> Vec<u32> {
        let refused = self.refused.iter().map(|refusal| refusal.line);
        let settled: BTreeSet<u32> =
            self.taken.iter().flat_map(|(first, length)| *first..first + length).chain(refused).collect();
        (0..lines).filter(|line| !settled.contains(line)).collect()
    }
}

/// Some lines of the payload, as one request.
struct Part {
    lines: Vec<u32>,
    body: Bytes,
    not_before_ms: i64,
}

/// Sends what is left of a payload: split where the destination finds it too large, without the lines that it refuses,
/// and those that it has no room for later. After an unclear answer the same bytes go out again. All of it as long as
/// an attempt can end before `last_start_ms`.
pub(super) async fn send_payload(
    ports: &Ports,
    sync: &Sync,
    batch: &BatchRef,
    staged: &StagedBatch,
    last_start_ms: i64,
    settled: &mut SettledLines,
    spent: &mut Settled,
) -> Sent {
    let payload = Payload { sync, staged };
    let mut parts = VecDeque::new();
    if let Err(cause) = payload.add(&mut parts, settled.open_lines(staged.lines), 0) {
        return Sent::Halt(cause);
    }
    let name = PayloadName { sync: sync.name(), run: batch.run, batch: batch.batch };
    let mut unclear = 0u32;
    while let Some(part) = next_part(&mut parts, ports.clock.now_ms()) {
        if part.not_before_ms > last_start_ms {
            let wait_ms = part.not_before_ms - ports.clock.now_ms();
            return Sent::NotNow { wait_ms: Some(wait_ms), cause: "some lines have to wait".to_string() };
        }
        let early_ms = part.not_before_ms - ports.clock.now_ms();
        if early_ms > 0 {
            ports.clock.sleep_ms(early_ms).await;
        }
        if ports.clock.now_ms() > last_start_ms {
            return Sent::NotNow { wait_ms: Some(0), cause: "the lease ends".to_string() };
        }
        let answer = ports.transport.send(sync.destination.request(name, part.body.clone())).await;
        if !matches!(answer, Err(TransportError::NotSent(_) | TransportError::Credentials(_))) {
            spent.requests += 1;
            spent.events_sent += part.lines.len() as u64;
            spent.request_bytes += part.body.len() as u64;
        }
        let count = part.lines.len();
        let added = match sync.destination.read(count as u32, answer) {
            Delivery::Accepted => {
                settled.take(&part.lines);
                Ok(())
            }
            Delivery::Partly(refused) => {
                let lines: BTreeSet<u32> = refused.iter().map(|refusal| refusal.line).collect();
                settled.take(&without(&part.lines, &lines));
                settled.refused.extend(numbered(refused, &part.lines));
                Ok(())
            }
            Delivery::NoneBut(refused) => {
                let lines = refused.iter().map(|refusal| refusal.line).collect();
                settled.refused.extend(numbered(refused, &part.lines));
                payload.add(&mut parts, without(&part.lines, &lines), 0)
            }
            Delivery::Parked { lines, wait_ms, cause } => {
                ports.observer.note(Progress::BackingOff { sync: sync.name(), wait_ms, cause: &cause });
                let parked: BTreeSet<u32> = lines.into_iter().collect();
                let later: Vec<u32> =
                    parked.iter().filter_map(|line| part.lines.get(*line as usize).copied()).collect();
                let not_before_ms = ports.clock.now_ms() + wait_ms;
                payload
                    .add(&mut parts, without(&part.lines, &parked), 0)
                    .and_then(|()| payload.add(&mut parts, later, not_before_ms))
            }
            Delivery::TooLarge | Delivery::Split { .. } if count > 1 => {
                let (first, second) = part.lines.split_at(count / 2);
                let (first, second) = (first.to_vec(), second.to_vec());
                // Put in front, the second half first.
                let mut halves = VecDeque::new();
                let cut = payload.add(&mut halves, first, 0).and_then(|()| payload.add(&mut halves, second, 0));
                halves.into_iter().rev().for_each(|half| parts.push_front(half));
                cut
            }
            Delivery::Split { reason } => {
                settled.refused.extend(part.lines.first().map(|line| Refusal {
                    line: *line,
                    field: String::new(),
                    reason,
                }));
                Ok(())
            }
            Delivery::TooLarge => {
                let reason = "this one record is larger than the destination takes".to_string();
                settled.refused.extend(part.lines.first().map(|line| Refusal {
                    line: *line,
                    field: String::new(),
                    reason,
                }));
                Ok(())
            }
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
                Ok(())
            }
            Delivery::Halt { cause, remedy } => {
                return Sent::Halt(format!("{}: {cause}. {remedy}", sync.config.destination));
            }
        };
        if let Err(cause) = added {
            return Sent::Halt(cause);
        }
    }
    settled.refused.sort_by_key(|refusal| refusal.line);
    Sent::Done
}

/// The first part that may go out now, else the one that may go out soonest.
fn next_part(parts: &mut VecDeque<Part>, now_ms: i64) -> Option<Part> {
    let ready = parts.iter().position(|part| part.not_before_ms <= now_ms);
    let soonest = || parts.iter().enumerate().min_by_key(|(_, part)| part.not_before_ms).map(|(n, _)| n);
    ready.or_else(soonest).and_then(|n| parts.remove(n))
}

/// The lines of a part but for those at some places in it.
fn without(lines: &[u32], places: &BTreeSet<u32>) -> Vec<u32> {
    lines.iter().enumerate().filter(|(place, _)| !places.contains(&(*place as u32))).map(|(_, line)| *line).collect()
}

/// Refusals by place in a part as refusals by line of the payload.
fn numbered<'a>(refused: Vec<Refusal>, lines: &'a [u32]) -> impl Iterator<Item = Refusal> + 'a {
    refused
        .into_iter()
        .filter_map(|refusal| lines.get(refusal.line as usize).map(|line| Refusal { line: *line, ..refusal }))
}

struct Payload<'a> {
    sync: &'a Sync,
    staged: &'a StagedBatch,
}

impl Payload<'_> {
    /// Adds a part of these lines; the whole is sent as it was staged.
    fn add(&self, parts: &mut VecDeque<Part>, lines: Vec<u32>, not_before_ms: i64) -> Result<(), String> {
        if lines.is_empty() {
            return Ok(());
        }
        let is_whole = lines.len() == self.staged.lines as usize;
        let body = if is_whole { self.staged.body.clone() } else { self.body_of(&lines)? };
        parts.push_back(Part { lines, body, not_before_ms });
        Ok(())
    }

    fn body_of(&self, wanted: &[u32]) -> Result<Bytes, String> {
        let destination = &self.sync.destination;
        let payload = destination.decompress(&self.staged.body, self.staged.payload_bytes).map_err(|cause| {
            format!("a staged payload cannot be split ({cause}); restore it from the state bucket's versions")
        })?;
        let mut wanted = wanted.iter().peekable();
        let mut chosen = Vec::with_capacity(payload.len());
        for (number, line) in payload.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if wanted.next_if(|wanted| **wanted as usize == number).is_some() {
                chosen.extend_from_slice(line);
            }
        }
        let mut body = Vec::new();
        destination.compress(&chosen, &mut body);
        Ok(body.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_lines_are_kept_as_stretches() {
        let mut settled = SettledLines::default();
        settled.take(&[0, 1, 2]);
        settled.take(&[3, 7]);
        settled.refused.push(Refusal { line: 5, field: String::new(), reason: String::new() });
        assert_eq!(settled.taken, [(0, 4), (7, 1)]);
        assert_eq!(settled.open_lines(9), [4, 6, 8]);
    }
}
