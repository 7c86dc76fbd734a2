//! A project folder, read and checked, and the ports for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftless_core::config::{
    ConfigError, DestinationConfig, ProjectConfig, SyncConfig, check_sync, parse_project, parse_sync,
};
use driftless_core::ports::{Observer, Ports};
use driftless_core::protocol::Sync;
use driftless_destinations::mixpanel::{MixpanelEvents, MixpanelTarget};
use driftless_embedded::{EmbeddedState, FolderExports, RandomIds, SystemClock, ThreadCompute};
use driftless_exports::ExportFormats;

use crate::cli::Failure;
use crate::http::HttpTransport;

/// A project folder as configured.
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// driftless.yaml.
    pub config: ProjectConfig,
    /// The syncs by name.
    pub syncs: BTreeMap<String, SyncConfig>,
}

/// What a command does with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It works on it: one process at a time.
    Work,
    /// It only looks, beside whoever works.
    Look,
}

/// A project with its state open.
pub struct OpenProject {
    /// The project.
    pub project: Project,
    /// Ports, but for the formats, which depend on the sync.
    pub ports: Ports,
    /// The syncs, with their own ports.
    pub syncs: BTreeMap<String, (Arc<Sync>, Ports)>,
    /// For reading back.
    pub http: Arc<HttpTransport>,
    _state: EmbeddedState,
}

impl Project {
    /// Reads and checks every file; all problems at once.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join("driftless.yaml");
        let text = std::fs::read_to_string(&file).map_err(|e| {
            Failure::configuration(vec![format!(
                "{}: {e}; run driftless init to start, or name the folder with --project",
                file.display()
            )])
        })?;
        let config = parse_project("driftless.yaml", &text).map_err(|e| Failure::configuration(vec![e.to_string()]))?;
        let mut problems: Vec<ConfigError> = check_destinations(&config);
        let mut syncs = BTreeMap::new();
        for (name, path) in sync_files(folder)? {
            let file = format!("syncs/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let parsed = std::fs::read_to_string(&path)
                .map_err(|e| ConfigError::at(&file, "", e.to_string()))
                .and_then(|text| parse_sync(&file, &name, &text));
            match parsed {
                Ok(sync) => {
                    problems.extend(check_sync(&file, &sync, &config));
                    syncs.insert(name, sync);
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(overlaps(&syncs));
        if !problems.is_empty() {
            return Err(Failure::configuration(problems.iter().map(ToString::to_string).collect()));
        }
        Ok(Self { folder: folder.to_path_buf(), config, syncs })
    }

    /// The folder of exports.
    pub fn exports(&self) -> PathBuf {
        self.folder.join(&self.config.exports)
    }

    /// The folder of state.
    pub fn state(&self) -> PathBuf {
        self.folder.join(&self.config.state)
    }

    /// Opens state and ports, to work on them or only to look.
    pub async fn open(self, access: Access, observer: Arc<dyn Observer>) -> Result<OpenProject, Failure> {
        if self.config.exports.contains("://") {
            return Err(Failure::configuration(vec![
                "driftless.yaml: exports: on one machine this is a folder; a bucket needs the functions in AWS"
                    .to_string(),
            ]));
        }
        let clock = Arc::new(SystemClock);
        let state = match access {
            Access::Work => EmbeddedState::open(&self.state(), clock.clone()),
            Access::Look => EmbeddedState::look(&self.state(), clock.clone()),
        }
        .map_err(Failure::failed)?;
        let http = Arc::new(HttpTransport::new(self.config.destinations.clone(), self.folder.clone())?);
        let ports = Ports {
            exports: Arc::new(FolderExports::new(self.exports()).excluding(self.state())),
            formats: Arc::new(ExportFormats::new(Default::default(), Default::default())),
            blobs: state.blobs.clone(),
            table: state.table.clone(),
            row_states: state.row_states.clone(),
            queue: state.queue.clone(),
            transport: http.clone(),
            clock,
            ids: Arc::new(RandomIds::new()),
            liveness: state.instance.clone(),
            compute: Arc::new(ThreadCompute::new(tokio::runtime::Handle::current())),
            observer,
        };
        let mut syncs = BTreeMap::new();
        for (name, config) in &self.syncs {
            let sync = Arc::new(sync_of(config, &self.config)?);
            let formats = ExportFormats::new(config.source.csv.clone(), config.source.types.clone());
            syncs.insert(name.clone(), (sync, Ports { formats: Arc::new(formats), ..ports.clone() }));
        }
        Ok(OpenProject { project: self, ports, syncs, http, _state: state })
    }
}

impl OpenProject {
    /// One sync, or an error that names the others.
    pub fn sync(&self, name: &str) -> Result<&(Arc<Sync>, Ports), Failure> {
        self.syncs.get(name).ok_or_else(|| {
            let known: Vec<_> = self.syncs.keys().map(String::as_str).collect();
            Failure::configuration(vec![format!("there is no sync {name}; known: {}", known.join(", "))])
        })
    }
}

fn sync_of(config: &SyncConfig, project: &ProjectConfig) -> Result<Sync, Failure> {
    let DestinationConfig::Mixpanel(mixpanel) = &project.destinations[&config.destination];
    let target = MixpanelTarget::new(&config.destination, mixpanel);
    let destination = MixpanelEvents::new(target, config.events.clone()).map_err(Failure::failed)?;
    Ok(Sync::new(config.clone(), Arc::new(destination)))
}

fn sync_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let syncs = folder.join("syncs");
    let entries = std::fs::read_dir(&syncs).map_err(|e| {
        Failure::configuration(vec![format!("{}: {e}; each sync is a file syncs/NAME.yaml", syncs.display())])
    })?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(Failure::failed)?.path();
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if is_yaml && let Some(name) = path.file_stem() {
            files.insert(name.to_string_lossy().into_owned(), path);
        }
    }
    Ok(files)
}

fn check_destinations(config: &ProjectConfig) -> Vec<ConfigError> {
    let mut problems = Vec::new();
    for (name, destination) in &config.destinations {
        let DestinationConfig::Mixpanel(mixpanel) = destination;
        let mut problem = |field: &str, cause: &str| {
            problems.push(ConfigError::at("driftless.yaml", &format!("destinations.{name}{field}"), cause));
        };
        match (&mixpanel.service_account, &mixpanel.token) {
            (Some(_), Some(_)) => problem("", "has both service_account and token; keep one"),
            (None, None) => problem("", "needs service_account (with project_id) or token"),
            (Some(_), None) if mixpanel.project_id.is_none() => {
                problem(".project_id", "is needed with a service account")
            }
            _ => {}
        }
        if mixpanel.url.as_deref().is_some_and(|url| !is_sandbox(url)) {
            problem(
                ".url",
                "is only for a sandbox on this machine, as http://127.0.0.1:PORT; remove it and set region",
            );
        }
    }
    problems
}

/// Whether a URL stays on this machine: anything else could send data, or credentials, to a stranger.
fn is_sandbox(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    matches!(host, "127.0.0.1" | "localhost" | "[::1]") && port.parse::<u16>().is_ok()
}

/// Two syncs over the same exports to one destination would send every row twice.
fn overlaps(syncs: &BTreeMap<String, SyncConfig>) -> Vec<ConfigError> {
    let all: Vec<&SyncConfig> = syncs.values().collect();
    let mut problems = Vec::new();
    for (n, a) in all.iter().enumerate() {
        for b in &all[n + 1..] {
            let (pa, pb) = (&a.source.prefix, &b.source.prefix);
            let overlap = pa.starts_with(pb.as_str()) || pb.starts_with(pa.as_str());
            if a.destination == b.destination && a.namespace() == b.namespace() && overlap {
                problems.push(ConfigError::at(
                    &format!("syncs/{}.yaml", b.name),
                    "source.prefix",
                    format!(
                        "overlaps with that of sync {} under one namespace: their rows would overwrite each other",
                        a.name
                    ),
                ));
            }
            let same = a.destination == b.destination && overlap && a.events == b.events;
            if same && a.namespace() != b.namespace() {
                problems.push(ConfigError::at(
                    &format!("syncs/{}.yaml", b.name),
                    "source.prefix",
                    format!("overlaps with that of sync {}, with the same mapping and destination: rows would be sent twice", a.name),
                ));
            }
        }
    }
    problems
}
