use std::collections::{BTreeMap, BTreeSet};

use driftless_testkit::memory::MemoryExports;
use driftless_testkit::simulation::Random;
use serde_json::{Value, json};

use super::Scenario;

/// Folders, where each is a snapshot of its own.
const FOLDERS: u64 = 3;
/// Keys of the source.
const KEYS: u64 = 8;
/// 2024-01-01T00:00:00Z.
const BASE_MS: i64 = 1_704_067_200_000;
/// 1999: older than the simulated project keeps, which only the destination knows.
const REFUSED_MS: i64 = 915_148_800_000;

/// What a row is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Can be sent.
    Valid,
    /// Has no time, or a value that a profile does not keep: the plan rejects it.
    Invalid,
    /// The destination refuses it.
    Refused,
}

/// The content of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Event name.
    pub event: String,
    /// User.
    pub user: String,
    /// Time.
    pub at_ms: i64,
    /// A property.
    pub value: String,
    /// Worth.
    pub quality: Quality,
}

/// The warehouse: its rows, and the exports it wrote of them.
pub struct Source {
    scenario: Scenario,
    random: Random,
    exports: MemoryExports,
    /// What the destination should come to, by key; `None` for a deleted key.
    pub state: BTreeMap<String, (i64, Option<Content>)>,
    /// Every valid content that some export ever held, by key: (event, user, time, value).
    pub ever: BTreeMap<String, BTreeSet<(String, String, i64, String)>>,
    /// Keys that had a row which cannot be sent at some time: their older copy may stay.
    pub troubled: BTreeSet<String>,
    version: i64,
    files: u64,
    late: Vec<(String, String)>,
    /// The folder of each key.
    folders: BTreeMap<String, u64>,
    /// The same when the destination last had everything.
    synced_folders: BTreeMap<String, u64>,
    /// Folders that are gone, with all their rows.
    gone: BTreeSet<u64>,
}

impl Source {
    /// An empty one.
    pub fn new(scenario: Scenario, seed: u64, exports: MemoryExports) -> Self {
        Self {
            scenario,
            random: Random::new(seed ^ 0x50_0c_e5),
            exports,
            state: BTreeMap::new(),
            ever: BTreeMap::new(),
            troubled: BTreeSet::new(),
            version: 0,
            files: 0,
            late: Vec::new(),
            folders: BTreeMap::new(),
            synced_folders: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    /// What happens next to the exports, as steps with a pause in milliseconds after each. `is_synced`: the destination has
    /// all that is there now.
    pub fn next_steps(&mut self, is_synced: bool) -> Vec<(Step, i64)> {
        match self.scenario {
            Scenario::FolderSnapshot => self.folder_steps(is_synced),
            scenario if scenario.is_append() => self.append_steps(),
            scenario if scenario.is_change() => self.change_steps(),
            _ => self.snapshot_steps(),
        }
    }

    /// Puts late exports, so that the end state is all there.
    pub fn last_steps(&mut self) -> Vec<(Step, i64)> {
        let late = std::mem::take(&mut self.late);
        late.into_iter().map(|(key, text)| (Step::Put(key, text), 500)).collect()
    }

    /// Does one step at a moment.
    pub fn apply(&self, step: &Step, now_ms: i64) {
        match step {
            Step::Put(key, text) => drop(self.exports.put(key, text.clone(), now_ms)),
            Step::Delete(key) => self.exports.delete(key),
        }
    }

    fn content(&mut self, key: &str) -> Content {
        let quality = match self.random.below(12) {
            0 => Quality::Invalid,
            // A file answers nothing: what is in it is there.
            1 if !self.scenario.is_files() => Quality::Refused,
            _ => Quality::Valid,
        };
        let old = self.state.get(key).and_then(|(_, c)| c.clone());
        let moves = old.is_none() || self.random.below(4) == 0;
        let old = old.unwrap_or(Content {
            event: "Bought".into(),
            user: format!("user-{key}"),
            at_ms: BASE_MS,
            value: String::new(),
            quality,
        });
        let mut at_ms = if old.at_ms == REFUSED_MS || moves {
            BASE_MS + self.random.below(5) as i64 * 3_600_000
        } else {
            old.at_ms
        };
        if quality == Quality::Refused {
            at_ms = REFUSED_MS;
        }
        Content {
            event: if moves && self.random.below(2) == 0 { "Returned".into() } else { old.event },
            user: if moves && self.random.below(3) == 0 { format!("other-{key}") } else { old.user },
            at_ms,
            // A profile may lose its value: it has to be cleared.
            value: match (self.scenario.is_profile(), self.random.below(4)) {
                (true, 3) => String::new(),
                (_, n) => ["a", "b", "c"][n as usize % 3].into(),
            },
            quality,
        }
    }

    fn remember(&mut self, key: &str, content: Option<Content>) {
        if let Some(content) = &content {
            if content.quality == Quality::Valid {
                let seen = (content.event.clone(), content.user.clone(), content.at_ms, content.value.clone());
                self.ever.entry(key.to_string()).or_default().insert(seen);
            } else {
                self.troubled.insert(key.to_string());
            }
        }
        self.state.insert(key.to_string(), (self.version, content));
    }

    fn row(&self, key: &str, op: &str, content: &Content) -> Value {
        let mut row = json!({
            "k": key, "op": op, "version": self.version, "stamp": self.version, "event": content.event, "user": content.user, "value": content.value,
        });
        match (self.scenario.is_profile(), content.quality) {
            (false, Quality::Invalid) => {}
            // Deeper than either destination keeps.
            (true, Quality::Invalid) => row["value"] = (0..50).fold(json!(1), |inner, _| json!({ "a": inner })),
            _ => row["at"] = json!(content.at_ms),
        }
        if self.scenario.is_profile() && content.value.is_empty() && content.quality != Quality::Invalid {
            row["value"] = Value::Null;
        }
        row
    }

    fn file(&mut self) -> String {
        self.files += 1;
        format!("rows/{:05}.jsonl", self.files)
    }

    fn append_steps(&mut self) -> Vec<(Step, i64)> {
        let mut text = String::new();
        for _ in 0..=self.random.below(6) {
            self.version += 1;
            let key = format!("k{}", self.version);
            let content = self.content(&key);
            text.push_str(&format!("{}\n", self.row(&key, "insert", &content)));
            self.remember(&key, Some(content));
        }
        let file = self.file();
        let mut steps = vec![(Step::Put(file.clone(), text.clone()), self.random.below(60_000) as i64)];
        match self.random.below(4) {
            // The same bytes again, under the same and under another name.
            0 => steps.push((Step::Put(file, text), 1_000)),
            1 => steps.push((Step::Put(self.file(), text), 1_000)),
            _ => {}
        }
        steps
    }

    fn change_steps(&mut self) -> Vec<(Step, i64)> {
        let mut rows = Vec::new();
        for _ in 0..=self.random.below(6) {
            let key = format!("k{}", self.random.below(KEYS));
            let old = self.state.get(&key).and_then(|(_, content)| content.clone());
            self.version += 1;
            match old {
                Some(old) if self.random.below(4) == 0 => {
                    rows.push(self.row(&key, "delete", &old));
                    self.remember(&key, None);
                }
                old => {
                    let content = self.content(&key);
                    if let Some(old) = &old
                        && self.random.below(2) == 0
                    {
                        rows.push(self.row(&key, "update_preimage", old));
                    }
                    let op = if old.is_some() { "update" } else { "insert" };
                    rows.push(self.row(&key, op, &content));
                    self.remember(&key, Some(content));
                }
            }
        }
        // Order in a file means nothing: the order column does.
        for n in (1..rows.len()).rev() {
            rows.swap(n, self.random.below(n as u64 + 1) as usize);
        }
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        let file = self.file();
        if self.random.below(5) == 0 {
            self.late.push((file, text));
            return Vec::new();
        }
        let mut steps = vec![(Step::Put(file.clone(), text.clone()), self.random.below(60_000) as i64)];
        match self.random.below(6) {
            0 => steps.push((Step::Put(file, text), 1_000)),
            1 => steps.push((Step::Put(self.file(), text), 1_000)),
            2 => steps.extend(self.late.pop().map(|(key, text)| (Step::Put(key, text), 1_000))),
            _ => {}
        }
        steps
    }

    fn snapshot_steps(&mut self) -> Vec<(Step, i64)> {
        for _ in 0..self.random.below(4) {
            let key = format!("k{}", self.random.below(KEYS));
            self.change_or_delete(&key);
        }
        self.snapshot_of_what_is_there()
    }

    fn change_or_delete(&mut self, key: &str) {
        self.version += 1;
        let gone = self.state.get(key).is_some_and(|(_, content)| content.is_some()) && self.random.below(3) == 0;
        let content = if gone { None } else { Some(self.content(key)) };
        self.remember(key, content);
    }

    /// Folders go, with rows that are to stay, and come back with or without them; rows move between folders.
    fn folder_steps(&mut self, is_synced: bool) -> Vec<(Step, i64)> {
        if is_synced {
            self.synced_folders.clone_from(&self.folders);
        }
        // Only of what the destination has is it known how it stays.
        if is_synced && self.random.below(2) == 0 {
            self.gone.insert(self.random.below(FOLDERS));
        }
        if self.random.below(3) == 0 {
            let back = self.gone.pop_first();
            let of_back = |(key, folder): (&String, &u64)| (Some(*folder) == back).then(|| key.clone());
            let rows: Vec<String> = self.folders.iter().filter_map(of_back).collect();
            for key in rows {
                if self.random.below(3) == 0 {
                    self.version += 1;
                    self.remember(&key, None);
                }
            }
        }
        let there: Vec<u64> = (0..FOLDERS).filter(|folder| !self.gone.contains(folder)).collect();
        for _ in 0..if there.is_empty() { 0 } else { self.random.below(4) } {
            let key = format!("k{}", self.random.below(KEYS));
            let is_there = self.folders.get(&key).is_some_and(|folder| there.contains(folder));
            let moves = !is_there || self.random.below(3) == 0;
            if moves {
                self.folders.insert(key.clone(), there[self.random.below(there.len() as u64) as usize]);
            }
            match (is_there, self.random.below(2)) {
                (true, 0) if moves => {}
                // One that came from a folder that is gone, and goes before anyone saw where it is now, stays for ever.
                (true, _) if self.synced_folders.get(&key).is_none_or(|folder| there.contains(folder)) => {
                    self.change_or_delete(&key);
                }
                // A row whose folder is gone may show up in another one, as it was or otherwise.
                (_, 0) => {}
                (_, _) => {
                    self.version += 1;
                    let content = self.content(&key);
                    self.remember(&key, Some(content));
                }
            }
        }
        self.snapshot_of_what_is_there()
    }

    fn snapshot_of_what_is_there(&mut self) -> Vec<(Step, i64)> {
        let is_there = |key: &&String| self.folders.get(*key).is_none_or(|folder| !self.gone.contains(folder));
        let live: Vec<(String, Content)> = self
            .state
            .iter()
            .filter(|(key, _)| is_there(key))
            .filter_map(|(key, (_, content))| Some((key.clone(), content.clone()?)))
            .collect();
        let mut steps = vec![(Step::Delete("rows/_SUCCESS".into()), 0)];
        let old: Vec<String> =
            self.exports.versions().into_iter().map(|v| v.key).filter(|key| key != "rows/_SUCCESS").collect();
        steps.extend(old.into_iter().map(|key| (Step::Delete(key), 0)));
        // Rows move between files from run to run.
        let files = 1 + self.random.below(3);
        let mut texts = BTreeMap::new();
        for n in 0..files {
            match self.scenario {
                // A folder is there by its files, with or without rows in them.
                Scenario::FolderSnapshot => {
                    let there = (0..FOLDERS).filter(|folder| !self.gone.contains(folder));
                    texts.extend(there.map(|folder| (format!("rows/d{folder}/part-{n}.jsonl"), String::new())));
                }
                _ => drop(texts.insert(format!("rows/part-{n}.jsonl"), String::new())),
            }
        }
        for (key, content) in &live {
            let mut row = self.row(key, "insert", content);
            row["version"] = json!(self.state[key].0);
            row["stamp"] = row["version"].clone();
            let folder = self.folders.get(key).map(|folder| format!("d{folder}/")).unwrap_or_default();
            let file = format!("rows/{folder}part-{}.jsonl", self.random.below(files));
            texts.entry(file).or_insert_with(String::new).push_str(&format!("{row}\n"));
        }
        for (file, text) in texts {
            let pause = self.random.below(3_000) as i64;
            steps.push((Step::Put(file, text), pause));
        }
        steps.push((Step::Put("rows/_SUCCESS".into(), String::new()), self.random.below(90_000) as i64));
        steps
    }
}

/// One thing that the warehouse does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes an export.
    Put(String, String),
    /// Removes one.
    Delete(String),
}
