//! `driftless verify`: what the exports say against what the destination gives back.

mod amplitude_events;
mod balance;
mod mixpanel_events;
mod mixpanel_profiles;

use std::collections::{BTreeMap, BTreeSet};

use driftless_core::config::{DestinationConfig, Kind};
use driftless_core::model::RowKey;
use driftless_core::protocol::limits::DAY_MS;
use driftless_core::protocol::{expected_rows, failed_exports, owned_keys};
use serde_json::Value;

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::number;
use crate::project::{Access, OpenProject, Place};

/// Differences shown.
const SHOWN: usize = 10;

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Rows that the exports say should be there.
    pub expected: u64,
    /// Of these, rows that are there, property by property.
    pub equal: u64,
    /// Rows that are not there as they should be: where they come from.
    pub missing: Vec<String>,
    /// What is there of this sync's keys and no row accounts for: insert_ids of events, ids of profiles.
    pub surplus: Vec<String>,
    /// What is there of folders that are gone from the exports, and stays (`source.snapshot_folders`).
    pub kept: u64,
    /// What is there of other senders, and of other syncs, in the same project.
    pub foreign: u64,
    /// Exports that could not be read, with the reason: what they hold is not compared.
    pub unread: Vec<(String, String)>,
    /// By event name and UTC day since the epoch: rows that should be there, and those that are.
    #[serde(skip)]
    pub days: BTreeMap<(String, i64), (u64, u64)>,
}

/// Compares the exports with the destination.
pub async fn run(place: &Place, name: &str, with_balance: bool, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Look, json).await?;
    let compared = compare(&project, name).await?;
    let sheet = if with_balance { Some(balance::of(&project, name, &compared).await?) } else { None };
    progress.clear();
    let differs = !compared.missing.is_empty() || !compared.surplus.is_empty() || !compared.unread.is_empty();
    match (&sheet, json) {
        (None, true) => print_json(&compared)?,
        (Some(sheet), true) => print_json(&serde_json::json!({ "compared": compared, "balance": sheet }))?,
        (None, false) => print(name, &compared),
        (Some(sheet), false) => {
            balance::print(name, sheet);
            print(name, &compared);
        }
    }
    Ok(if differs { Exit::Failed } else { Exit::Done })
}

/// For people.
pub fn print(name: &str, compared: &Compared) {
    println!(
        "{name}: {} rows in the exports, {} equal at the destination, {} missing or different, {} surplus ({} of others)",
        number(compared.expected),
        number(compared.equal),
        number(compared.missing.len() as u64),
        number(compared.surplus.len() as u64),
        number(compared.foreign)
    );
    if compared.kept > 0 {
        println!("  {} of folders that are gone, kept", number(compared.kept));
    }
    for (export, reason) in &compared.unread {
        println!("  cannot be read, so not compared: {export}: {reason}");
    }
    for from in compared.missing.iter().take(SHOWN) {
        println!("  missing or different: {from}");
    }
    for id in compared.surplus.iter().take(SHOWN) {
        println!("  surplus: {id}");
    }
}

/// An event in one spelling, and what names it.
pub(super) struct Seen {
    /// Everything but the insert_id.
    pub text: String,
    /// Its name.
    pub event: String,
    /// Its insert_id.
    pub insert_id: String,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
}

impl Seen {
    fn place(&self) -> (String, i64) {
        (self.event.clone(), self.time_ms.div_euclid(DAY_MS))
    }
}

/// First and last time of some events.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub from_ms: i64,
    pub until_ms: i64,
}

impl Default for Span {
    fn default() -> Self {
        Self { from_ms: i64::MAX, until_ms: i64::MIN }
    }
}

impl Span {
    fn take(&mut self, time_ms: i64) {
        self.from_ms = self.from_ms.min(time_ms);
        self.until_ms = self.until_ms.max(time_ms);
    }
}

/// Reads both sides and compares them as bags of (event, properties) without insert_id: a row whose identity changed has
/// another insert_id than its first one.
pub async fn compare(project: &OpenProject, name: &str) -> Result<Compared, Failure> {
    let (sync, ports) = project.sync(name)?;
    let expected = expected_rows(ports, sync).await.map_err(Failure::failed)?;
    let destination = &project.destinations[&sync.config.destination];
    let vendor = destination.vendor();
    match (sync.config.kind, destination) {
        (Kind::Events, _) => {}
        (Kind::LookupTable, _) => {
            let why = "the public API does not show what is in a table";
            return Err(Failure::failed(format!("verify cannot read lookup tables: {why}; look at it in {vendor}")));
        }
        (Kind::Identities, _) => {
            let why = "the public API does not show which ids were merged";
            return Err(Failure::failed(format!("verify cannot read identities: {why}; look at a user in {vendor}")));
        }
        (Kind::ProfileHistory, _) => {
            let why = "no documented route shows the rows of a history";
            return Err(Failure::failed(format!("verify cannot read profile_history: {why}; look at it in {vendor}")));
        }
        (_, DestinationConfig::Mixpanel(_)) => {
            return mixpanel_profiles::compare(project, sync, ports, expected).await;
        }
        (_, DestinationConfig::Amplitude(_)) => {
            let why = "the public API shows no properties but those that events had";
            return Err(Failure::failed(format!(
                "verify cannot read {}: {why}; look at them in {vendor}",
                sync.config.kind.name()
            )));
        }
    }
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let total = expected.len() as u64;
    let expected_keys: BTreeSet<RowKey> = expected.keys().copied().collect();
    let mut unmatched = Vec::new();
    let mut span = Span::default();
    let mut days: BTreeMap<(String, i64), (u64, u64)> = BTreeMap::new();
    for row in expected.into_values() {
        let event: Value = serde_json::from_slice(&row.payload)?;
        let event = match destination {
            DestinationConfig::Mixpanel(_) => mixpanel_events::seen(&event),
            DestinationConfig::Amplitude(_) => amplitude_events::sent(&event),
        };
        span.take(event.time_ms);
        days.entry(event.place()).or_default().0 += 1;
        wanted.entry(event.text).or_default().push(row.from);
    }
    let unread = failed_exports(ports, sync).await.map_err(Failure::failed)?;
    let unread = unread.into_iter().map(|failed| (failed.version.key, failed.reason)).collect();
    let mut compared = Compared { expected: total, unread, ..Compared::default() };
    let there = match destination {
        DestinationConfig::Mixpanel(config) => mixpanel_events::there(project, sync, config, span).await?,
        DestinationConfig::Amplitude(config) => amplitude_events::there(project, sync, ports, config).await?,
    };
    for event in there {
        match wanted.get_mut(&event.text).and_then(Vec::pop) {
            Some(_) => {
                compared.equal += 1;
                days.entry(event.place()).or_default().1 += 1;
            }
            None => unmatched.push(event.insert_id),
        }
    }
    compared.days = days;
    compared.missing = wanted.into_values().flatten().collect();
    // An event is this sync's if its insert_id is a key of its exports or of its row states.
    let keeps = sync.config.keeps_insert_id();
    let hashed =
        |id: &String| u128::from_str_radix(id, 16).ok().filter(|_| id.len() == 32).map(|n| RowKey(n.to_be_bytes()));
    let kept =
        |id: &String| RowKey::from_parts(sync.config.namespace(), std::iter::once(id.as_bytes()), &mut Vec::new());
    // Where ids are passed through, those that the destination does not take are hashed all the same.
    let key_of = |id: &String| match (keeps, hashed(id)) {
        (true, Some(key)) if expected_keys.contains(&key) => Some(key),
        (true, _) => Some(kept(id)),
        (false, key) => key,
    };
    let strangers = unmatched.iter().filter_map(key_of).filter(|key| !expected_keys.contains(key)).collect();
    let owned = owned_keys(ports, sync, &strangers).await.map_err(Failure::failed)?;
    for id in unmatched {
        match key_of(&id) {
            Some(key) if expected_keys.contains(&key) || owned.spoken_for.contains(&key) => {
                compared.surplus.push(format!("insert_id {id}"))
            }
            Some(key) if owned.kept.contains(&key) => compared.kept += 1,
            _ => compared.foreign += 1,
        }
    }
    Ok(compared)
}
