//! Faults on purpose, decided by a seed and the number of the request alone: the same plan fails the same requests again.

use serde::{Deserialize, Serialize};

use crate::mixpanel::answer::{self, Answer};

/// Which requests fail, and how. The default fails none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// Chooses which requests fail.
    pub seed: u64,
    /// Share of requests (0 to 1) answered with 429 and not applied.
    pub rate_429: f64,
    /// Share of requests (0 to 1) answered with 502 or 503 and not applied.
    pub rate_5xx: f64,
    /// Share of requests (0 to 1) that are applied, and whose connection is then closed without an answer.
    pub lost_answer: f64,
    /// Delay before every answer, in milliseconds, up to [`MAX_LATENCY_MS`].
    pub latency_ms: u64,
    /// The `Retry-After` header of 429 and 5xx answers, in seconds. Mixpanel documents none.
    pub retry_after_s: Option<u32>,
}

/// The longest delay before an answer: five minutes, longer than any client waits.
pub const MAX_LATENCY_MS: u64 = 300_000;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is answered as usual.
    None,
    /// 429, not applied.
    RateLimited,
    /// This status, not applied.
    ServerError(u16),
    /// Applied; the answer is lost.
    LostAnswer,
}

/// A plan that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultPlanError {
    /// A rate is not a share.
    #[error("{0} must be between 0 and 1")]
    NotAShare(&'static str),
    /// The rates exceed certainty.
    #[error("rate_429, rate_5xx and lost_answer must not add up to more than 1")]
    MoreThanAll,
    /// The delay is too long.
    #[error("latency_ms must be at most {MAX_LATENCY_MS}")]
    TooSlow,
}

impl FaultPlan {
    /// Refuses a plan that makes no sense.
    pub fn check(&self) -> Result<(), FaultPlanError> {
        let rates = [("rate_429", self.rate_429), ("rate_5xx", self.rate_5xx), ("lost_answer", self.lost_answer)];
        for (name, rate) in rates {
            if !(0.0..=1.0).contains(&rate) {
                return Err(FaultPlanError::NotAShare(name));
            }
        }
        // Three rates that are meant to add up to 1 may exceed it by rounding.
        if rates.iter().map(|(_, rate)| rate).sum::<f64>() > 1.0 + 1e-9 {
            return Err(FaultPlanError::MoreThanAll);
        }
        if self.latency_ms > MAX_LATENCY_MS {
            return Err(FaultPlanError::TooSlow);
        }
        Ok(())
    }

    /// Does the plan leave every request alone?
    pub fn is_quiet(&self) -> bool {
        self.rate_429 == 0.0 && self.rate_5xx == 0.0 && self.lost_answer == 0.0 && self.latency_ms == 0
    }

    /// What happens to request number `request`: a hash of seed and number, read as a number from 0 to 1, falls into the
    /// range of 429, then 5xx, then lost answers, or beyond all of them.
    pub fn decide(&self, request: u64) -> Fault {
        let hash = splitmix64(self.seed ^ splitmix64(request));
        let mut point = unit(hash) - self.rate_429;
        if point < 0.0 {
            return Fault::RateLimited;
        }
        point -= self.rate_5xx;
        if point < 0.0 {
            // The lowest bit is not part of the point.
            return Fault::ServerError(if hash & 1 == 0 { 502 } else { 503 });
        }
        if point < self.lost_answer {
            return Fault::LostAnswer;
        }
        Fault::None
    }

    /// The answer that a fault gives instead of the usual one; `None` where the request is applied.
    pub fn answer(&self, fault: Fault) -> Option<Answer> {
        match fault {
            Fault::None | Fault::LostAnswer => None,
            Fault::RateLimited => Some(answer::rate_limited(self.retry_after_s)),
            Fault::ServerError(status) => Some(answer::server_error(status, self.retry_after_s)),
        }
    }
}

/// The upper 53 bits as a number in [0, 1).
fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// The output function of the splitmix64 generator (Steele, Lea, Flood 2014): neighbouring inputs give unrelated outputs.
fn splitmix64(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> FaultPlan {
        FaultPlan { seed, rate_429: 0.2, rate_5xx: 0.1, lost_answer: 0.1, ..FaultPlan::default() }
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        let decisions = |seed| (0..500).map(|n| plan(seed).decide(n)).collect::<Vec<_>>();
        assert_eq!(decisions(1), decisions(1));
        assert_ne!(decisions(1), decisions(2));
    }

    #[test]
    fn rates_are_met() {
        let count = |wanted: fn(Fault) -> bool| (0..10_000).filter(|n| wanted(plan(7).decide(*n))).count();
        let near = |count: usize, expected: usize| count.abs_diff(expected) < 150;
        assert!(near(count(|f| f == Fault::RateLimited), 2_000));
        assert!(near(count(|f| matches!(f, Fault::ServerError(502 | 503))), 1_000));
        assert!(near(count(|f| f == Fault::LostAnswer), 1_000));
        assert!((0..1_000).all(|n| FaultPlan::default().decide(n) == Fault::None));
    }

    #[test]
    fn certain_faults_always_happen() {
        let plan = FaultPlan { rate_429: 1.0, retry_after_s: Some(3), ..FaultPlan::default() };
        assert!((0..1_000).all(|n| plan.decide(n) == Fault::RateLimited));
        let answer = plan.answer(Fault::RateLimited).unwrap();
        assert_eq!((answer.status, answer.retry_after_s), (429, Some(3)));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(plan(1).check(), Ok(()));
        assert!(!plan(1).is_quiet() && FaultPlan::default().is_quiet());
        let nan = FaultPlan { rate_5xx: f64::NAN, ..plan(1) };
        assert_eq!(nan.check(), Err(FaultPlanError::NotAShare("rate_5xx")));
        let much = FaultPlan { lost_answer: 0.9, ..plan(1) };
        assert_eq!(much.check(), Err(FaultPlanError::MoreThanAll));
        let slow = FaultPlan { latency_ms: MAX_LATENCY_MS + 1, ..plan(1) };
        assert_eq!(slow.check(), Err(FaultPlanError::TooSlow));
    }
}
