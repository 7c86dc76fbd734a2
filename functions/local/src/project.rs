//! A project folder, read and checked, and the ports for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftless_core::config::{ConfigFiles, Configuration, DestinationConfig, PROJECT_FILE, ProjectConfig, SyncConfig};
use driftless_core::ports::{Observer, Ports, Unmetered};
use driftless_core::protocol::Sync;
use driftless_destinations::sync_of;
use driftless_embedded::{EmbeddedState, FolderExports, FolderObjects};
use driftless_exports::ExportFormats;
use driftless_host::{HttpTransport, RandomIds, SystemClock, ThreadCompute};

use crate::cli::Failure;
use crate::engine::{Ended, Syncs, run_until_quiet};
use crate::secrets::LocalSecrets;
use crate::stack::start_and_wait;

/// A project folder as configured.
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// Its files as they are written.
    pub files: ConfigFiles,
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

/// Where a project is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine, which does all the work.
    Folder(PathBuf),
    /// A deployed stack of this name, which does the work itself.
    Stack(String),
}

/// A project with its state open.
pub struct OpenProject {
    /// The destinations by name.
    pub destinations: BTreeMap<String, DestinationConfig>,
    /// Ports, but for the formats, which depend on the sync.
    pub ports: Ports,
    /// The syncs, with their own ports.
    pub syncs: BTreeMap<String, (Arc<Sync>, Ports)>,
    /// For reading back.
    pub http: Arc<HttpTransport>,
    /// Who does the work.
    pub worker: Worker,
}

/// Who delivers.
pub enum Worker {
    /// This process, on the state that it holds open.
    Here(EmbeddedState),
    /// The functions of a stack.
    Functions,
}

impl Project {
    /// Reads and checks every file; all problems at once.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join(PROJECT_FILE);
        let text = std::fs::read_to_string(&file).map_err(|e| {
            Failure::configuration(vec![format!(
                "{}: {e}; run driftless init to start, or name the folder with --project",
                file.display()
            )])
        })?;
        let mut files = BTreeMap::from([(PROJECT_FILE.to_string(), text)]);
        for path in sync_files(folder)? {
            let file = format!("syncs/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let text =
                std::fs::read_to_string(&path).map_err(|e| Failure::configuration(vec![format!("{file}: {e}")]))?;
            files.insert(file, text);
        }
        let files = ConfigFiles(files);
        let Configuration { project: config, syncs } = files
            .parse()
            .map_err(|problems| Failure::configuration(problems.iter().map(ToString::to_string).collect()))?;
        Ok(Self { folder: folder.to_path_buf(), files, config, syncs })
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
        for (name, destination) in &self.config.destinations {
            if destination.mutation_files().is_some_and(|to| to.contains("://")) {
                return Err(Failure::configuration(vec![format!(
                    "driftless.yaml: destinations.{name}.mutation_files.to: on one machine this is a folder; a bucket needs the functions in AWS"
                )]));
            }
        }
        let clock = Arc::new(SystemClock);
        let state = match access {
            Access::Work => EmbeddedState::open(&self.state(), clock.clone()),
            Access::Look => EmbeddedState::look(&self.state(), clock.clone()),
        }
        .map_err(Failure::failed)?;
        let objects = Arc::new(FolderObjects::new(self.folder.clone()));
        let secrets = Arc::new(LocalSecrets { project: self.folder.clone() });
        let http = Arc::new(HttpTransport::new(self.config.destinations.clone(), secrets, objects)?);
        let ports = Ports {
            exports: Arc::new(FolderExports::new(self.exports()).excluding(self.state())),
            formats: Arc::new(ExportFormats::default()),
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
            meter: Arc::new(Unmetered),
        };
        let mut syncs = BTreeMap::new();
        for (name, config) in &self.syncs {
            let sync = Arc::new(sync_of(config, &self.config, self.files.version()).map_err(Failure::failed)?);
            let formats = ExportFormats::of(config);
            syncs.insert(name.clone(), (sync, Ports { formats: Arc::new(formats), ..ports.clone() }));
        }
        Ok(OpenProject { destinations: self.config.destinations, ports, syncs, http, worker: Worker::Here(state) })
    }
}

impl OpenProject {
    /// Brings syncs up to date: works, or lets the stack work and waits for it.
    pub async fn run_until_quiet(&self, syncs: &Syncs) -> Result<Ended, Failure> {
        let ended = match self.worker {
            Worker::Here(_) => run_until_quiet(&self.ports, syncs).await,
            Worker::Functions => start_and_wait(syncs).await,
        };
        ended.map_err(Failure::failed)
    }

    /// One sync, or an error that names the others.
    pub fn sync(&self, name: &str) -> Result<&(Arc<Sync>, Ports), Failure> {
        self.syncs.get(name).ok_or_else(|| {
            let known: Vec<_> = self.syncs.keys().map(String::as_str).collect();
            Failure::configuration(vec![format!("there is no sync {name}; known: {}", known.join(", "))])
        })
    }
}

fn sync_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let syncs = folder.join("syncs");
    let entries = std::fs::read_dir(&syncs).map_err(|e| {
        Failure::configuration(vec![format!("{}: {e}; each sync is a file syncs/NAME.yaml", syncs.display())])
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(Failure::failed)?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    Ok(files)
}
