use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check_project::{check_destinations, check_overlaps};
use super::{ConfigError, ProjectConfig, SyncConfig, check_sync, parse_project, parse_sync};
use crate::model::hex_of;

/// Name of the project's own file.
pub const PROJECT_FILE: &str = "driftless.yaml";

/// Folder of the syncs' files.
const SYNCS_FOLDER: &str = "syncs/";

/// The files of a project folder as they are written, by path: `driftless.yaml` and `syncs/NAME.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigFiles(pub BTreeMap<String, String>);

/// A project's configuration, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// `driftless.yaml`.
    pub project: ProjectConfig,
    /// The syncs by name.
    pub syncs: BTreeMap<String, SyncConfig>,
}

impl ConfigFiles {
    /// Names exactly these files: equal files have equal versions, 16 hex digits.
    pub fn version(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in self.0.iter().flat_map(|(path, text)| [path, text]) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hex_of(&hasher.finalize().as_bytes()[..8])
    }

    /// Reads and checks every file; all problems at once.
    pub fn parse(&self) -> Result<Configuration, Vec<ConfigError>> {
        let Some(text) = self.0.get(PROJECT_FILE) else {
            return Err(vec![ConfigError::at(PROJECT_FILE, "", "is missing".to_string())]);
        };
        let project = parse_project(PROJECT_FILE, text).map_err(|problem| vec![problem])?;
        let mut problems = check_destinations(&project);
        let mut syncs = BTreeMap::new();
        for (file, text) in self.0.iter().filter(|(file, _)| *file != PROJECT_FILE) {
            let Some(name) = sync_name(file) else {
                problems.push(ConfigError::at(file, "", "is neither driftless.yaml nor syncs/NAME.yaml".to_string()));
                continue;
            };
            match parse_sync(file, name, text) {
                Ok(sync) => {
                    problems.extend(check_sync(file, &sync, &project));
                    syncs.insert(name.to_string(), sync);
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(check_overlaps(&syncs));
        if problems.is_empty() { Ok(Configuration { project, syncs }) } else { Err(problems) }
    }
}

/// The sync that a file is of.
fn sync_name(file: &str) -> Option<&str> {
    let file = file.strip_prefix(SYNCS_FOLDER)?;
    file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "exports: ./exports\ndestinations:\n  product: { type: mixpanel, token: env:TOKEN }\n";
    const SYNC: &str = "destination: product\nkind: events\nmode: append\nsource: { prefix: a/ }\nevents:\n  name: { value: A }\n  time: { column: at }\n";

    fn files(sync: &str) -> ConfigFiles {
        ConfigFiles(
            [(PROJECT_FILE, PROJECT), ("syncs/a.yaml", sync)].map(|(p, t)| (p.to_string(), t.to_string())).into(),
        )
    }

    #[test]
    fn all_problems_are_told_and_versions_name_the_bytes() {
        let parsed = files(SYNC).parse().unwrap();
        assert_eq!(parsed.syncs["a"].name, "a");
        assert_eq!(files(SYNC).version(), files(SYNC).version());
        assert_ne!(files(SYNC).version(), files(&format!("{SYNC}\n")).version());
        let mut wrong = files(&SYNC.replace("product", "other"));
        wrong.0.insert("notes.txt".to_string(), String::new());
        assert_eq!(wrong.parse().unwrap_err().len(), 2);
        assert_eq!(ConfigFiles::default().parse().unwrap_err().len(), 1);
    }
}
