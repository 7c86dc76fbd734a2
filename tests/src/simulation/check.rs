use std::collections::{BTreeMap, BTreeSet};

use driftless_core::model::{Checkpoint, Phase, RowKey, RunRecord, RunStatus};
use driftless_sandbox::mixpanel::validate::ValidEvent;

use super::Scenario;
use super::sink::Seen;
use super::source::{Quality, Source};

/// Compares what the destination shows with what the source came to. Promises 1 to 6 of the design.
pub fn check(
    scenario: Scenario,
    source: &Source,
    seen: &Seen,
    checkpoint: &Checkpoint,
    runs: &[RunRecord],
    quarantined: &BTreeSet<String>,
    faultless: bool,
) -> Result<(), String> {
    at_rest(checkpoint)?;
    for run in runs {
        if run.status != RunStatus::Finished || !run.counts.is_conserved() {
            return Err(format!("conservation: run {} ended as {:?} with {:?}", run.run, run.status, run.counts));
        }
    }
    let mut visible: BTreeMap<String, Vec<&ValidEvent>> = BTreeMap::new();
    for event in &seen.visible {
        let key = event.properties.get("k").and_then(|k| k.as_str()).unwrap_or_default();
        visible.entry(key.to_string()).or_default().push(event);
    }
    for (key, events) in &visible {
        if events.len() > 1 {
            return Err(format!("duplicate: {key} is visible {} times", events.len()));
        }
        let shown = facts(events[0]);
        // Of a profile, what a refused update would have cleared may be gone already.
        let is_half_done = scenario.is_profile() && source.troubled.contains(key);
        if !source.ever.get(key).is_some_and(|ever| ever.contains(&shown)) && !is_half_done {
            return Err(format!("foreign: {key} shows {shown:?}, which no export held"));
        }
    }
    // Without row state a refused row is known by its place alone: as many as are missing must be there.
    let mut unkeyed = quarantined.iter().filter(|key| key.contains(" row ")).count();
    for (key, (_, content)) in &source.state {
        let shown = visible.get(key).map(|events| facts(events[0]));
        match content {
            Some(content) if content.quality == Quality::Valid => {
                let expected = (content.event.clone(), content.user.clone(), content.at_ms, content.value.clone());
                match shown {
                    None => return Err(format!("loss: {key} is not visible")),
                    Some(shown) if shown != expected => {
                        return Err(format!("stale: {key} shows {shown:?}, the source has {expected:?}"));
                    }
                    Some(_) => {}
                }
            }
            // A row that cannot be sent leaves its key as it was, and is in the quarantine.
            Some(_) => {
                let hex = RowKey::from_parts("sim", std::iter::once(key.as_bytes()), &mut Vec::new()).to_hex();
                if !quarantined.contains(&hex) && unkeyed == 0 {
                    return Err(format!("loss: {key} can neither be seen nor is it in the quarantine"));
                } else if !quarantined.contains(&hex) {
                    unkeyed -= 1;
                }
            }
            None if shown.is_some() && scenario != Scenario::Full => {
                return Err(format!("undead: {key} was deleted and is visible"));
            }
            None => {}
        }
    }
    if let Some(broken) = &seen.order_broken {
        return Err(format!("order: {broken}"));
    }
    // To find an update that is refused without being named, others go out again.
    let may_repeat = scenario.is_profile() && !source.troubled.is_empty();
    if faultless && seen.redundant > 0 && scenario != Scenario::AppendOff && !may_repeat {
        return Err(format!(
            "waste: without faults {} of {} events were sent although they were there",
            seen.redundant, seen.landed
        ));
    }
    Ok(())
}

fn at_rest(checkpoint: &Checkpoint) -> Result<(), String> {
    if checkpoint.phase != Phase::Idle || !checkpoint.runs.is_empty() || checkpoint.cursor.is_some() {
        return Err(format!(
            "convergence: {:?}, {} open runs, cursor {}",
            checkpoint.phase,
            checkpoint.runs.len(),
            checkpoint.cursor.is_some()
        ));
    }
    Ok(())
}

fn facts(event: &ValidEvent) -> (String, String, i64, String) {
    let value = event.properties.get("value").and_then(|v| v.as_str()).unwrap_or_default();
    (event.event.clone(), event.distinct_id.clone(), event.time_ms, value.to_string())
}
