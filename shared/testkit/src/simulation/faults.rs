use std::collections::BTreeMap;

use super::Random;

/// What can go wrong, numbered as in the design's fault list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// F1: a notice is lost.
    NoticeLost,
    /// F2, F5: a message is delivered twice.
    MessageTwice,
    /// F3, F4: a message is late, so that messages change places.
    MessageLate,
    /// F6: an ack is lost.
    AckLost,
    /// F7: sending stops amid the messages.
    SendPartly,
    /// F8: a message is gone.
    MessageLost,
    /// F9: a message comes back long after it was done.
    MessageRedriven,
    /// F10, F12: the task is killed at a point.
    Crash,
    /// F11: the task stands still for up to the length of a lease.
    Stall,
    /// F15: the table refuses for a moment.
    Throttle,
    /// F16: a write is applied and its answer lost.
    AnswerLost,
    /// F18: some of several states are written.
    WriteHalf,
    /// F21: the object store refuses for a moment.
    StoreBusy,
    /// F22: reading an export breaks off.
    ReadBroken,
    /// F24: the destination asks to slow down.
    SlowDown,
    /// F25: the destination fails and has not applied the request.
    ServerError,
    /// F26: the destination has applied the request, and the answer is lost.
    AppliedNoAnswer,
    /// F27: the request is applied up to 42 s after it was given up.
    LandsLate,
    /// F29: the destination finds the request too large.
    TooLarge,
}

const ALL: [Fault; 19] = [
    Fault::NoticeLost,
    Fault::MessageTwice,
    Fault::MessageLate,
    Fault::AckLost,
    Fault::SendPartly,
    Fault::MessageLost,
    Fault::MessageRedriven,
    Fault::Crash,
    Fault::Stall,
    Fault::Throttle,
    Fault::AnswerLost,
    Fault::WriteHalf,
    Fault::StoreBusy,
    Fault::ReadBroken,
    Fault::SlowDown,
    Fault::ServerError,
    Fault::AppliedNoAnswer,
    Fault::LandsLate,
    Fault::TooLarge,
];

/// How often each fault strikes, drawn per seed: some seeds have none, some one kind alone, most several.
#[derive(Clone, Debug, Default)]
pub struct FaultRates {
    rates: BTreeMap<Fault, f64>,
}

impl FaultRates {
    /// No fault at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Rates of a seed.
    pub fn draw(random: &mut Random) -> Self {
        let mut rates = BTreeMap::new();
        match random.below(10) {
            0 => {}
            1 | 2 => {
                let fault = ALL[random.below(ALL.len() as u64) as usize];
                rates.insert(fault, rate_of(fault, random) * 2.0);
            }
            _ => {
                for fault in ALL {
                    if random.chance(0.5) {
                        rates.insert(fault, rate_of(fault, random));
                    }
                }
            }
        }
        Self { rates }
    }

    /// Whether nothing can go wrong.
    pub fn is_none(&self) -> bool {
        self.rates.is_empty()
    }

    /// The share of a fault.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or(0.0)
    }
}

fn rate_of(fault: Fault, random: &mut Random) -> f64 {
    let scale = match fault {
        Fault::Crash | Fault::Stall => 0.02,
        Fault::MessageRedriven => 0.05,
        Fault::Throttle | Fault::AnswerLost | Fault::WriteHalf | Fault::StoreBusy | Fault::ReadBroken => 0.05,
        _ => 0.25,
    };
    scale * (random.below(100) as f64 + 1.0) / 100.0
}
