//! The sandbox as an HTTP server on this machine.

mod amplitude;
mod connection;
mod control;
mod definitions;
mod deletions;
mod ingest;
mod lines;
mod query;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, patch, post, put};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::amplitude::identify::Route;
use crate::amplitude::throttle::Throttle;
use crate::faults::{FaultPlan, FaultPlanError};
use crate::mixpanel::auth::Project;
use crate::mixpanel::profile::ProfileRoute;
use crate::store::{Store, StoreError, StorePath};
use connection::{Hangup, HangupListener};
use state::State;

/// Bytes of a body as sent. Mixpanel's limit of 10 MB applies after decompression; this leaves room for the answer to be
/// the documented one when a body that is not compressed is somewhat too large.
const MAX_SENT_BYTES: usize = 12 * 1024 * 1024;

/// Bytes of a request to `/batch` as sent: Amplitude's 20 MB, and room for the answer to be the documented one.
const MAX_BATCH_SENT_BYTES: usize = 24 * 1024 * 1024;

/// Bytes of a lookup table as sent: Mixpanel's 100 MB count after decompression.
const MAX_TABLE_SENT_BYTES: usize = 110 * 1024 * 1024;

/// How long [`Sandbox::stop`] waits for requests that are being answered.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How to run a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where to keep what arrives.
    pub store: StorePath,
    /// What goes wrong on purpose.
    pub faults: FaultPlan,
    /// The projects that exist. The first one that lets a request in takes it.
    pub projects: Vec<Project>,
    /// How many events of a user Amplitude takes.
    pub throttle: Throttle,
    /// The folder of mutation files that Amplitude's Mirror Sync reads. New ones are read whenever somebody looks.
    pub mutation_files: Option<PathBuf>,
}

impl SandboxConfig {
    /// An open project in memory, on this machine only, without faults.
    pub fn local(port: u16) -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            store: StorePath::Memory,
            faults: FaultPlan::default(),
            projects: vec![Project::open()],
            throttle: Throttle::default(),
            mutation_files: None,
        }
    }
}

/// Why a sandbox does not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not allowed.
    #[error("cannot listen on {addr}: {source}; choose another port")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The faults make no sense.
    #[error("faults: {0}")]
    Faults(#[from] FaultPlanError),
    /// Serving ended with an error.
    #[error("the sandbox stopped: {0}")]
    Serve(io::Error),
}

/// A running sandbox. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Sandbox {
    /// Where it listens.
    pub addr: SocketAddr,
    store: Arc<Store>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Its address for clients and browsers, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What arrived so far. Its calls block.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Answers what is being answered, then stops.
    pub async fn stop(self) -> Result<(), SandboxError> {
        // The receiver is only gone if the server ended by itself, which the task then tells.
        let _ = self.stop.send(());
        let mut task = self.task;
        match tokio::time::timeout(STOP_WITHIN, &mut task).await {
            Ok(Ok(served)) => served.map_err(SandboxError::Serve),
            Ok(Err(ended)) => Err(SandboxError::Serve(io::Error::other(ended))),
            Err(_) => {
                task.abort();
                Ok(())
            }
        }
    }
}

/// Starts a sandbox. It listens when this returns.
pub async fn start(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
    config.faults.check()?;
    let path = config.store;
    let store = tokio::task::spawn_blocking(move || Store::open(&path))
        .await
        .map_err(|ended| SandboxError::Serve(io::Error::other(ended)))??;
    let store = Arc::new(store);
    let listen = |source| SandboxError::Listen { addr: config.addr, source };
    let listener = TcpListener::bind(config.addr).await.map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    let state = State::new(Arc::clone(&store), config.projects, config.faults, config.throttle, config.mutation_files);
    let (stop, stopped) = oneshot::channel();
    let service = router(state).into_make_service_with_connect_info::<Hangup>();
    let server = axum::serve(HangupListener::new(listener), service).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    Ok(Sandbox { addr, store, stop, task: tokio::spawn(server.into_future()) })
}

fn router(state: State) -> Router {
    Router::new()
        .route("/", get(control::show))
        .route("/import", post(ingest::import))
        .route(ProfileRoute::Users.path(), post(|s, i, q, h, b| ingest::profiles(ProfileRoute::Users, s, i, q, h, b)))
        .route(ProfileRoute::Groups.path(), post(|s, i, q, h, b| ingest::profiles(ProfileRoute::Groups, s, i, q, h, b)))
        .route("/lookup-tables/{id}", put(ingest::lookup_table).layer(DefaultBodyLimit::max(MAX_TABLE_SENT_BYTES)))
        .route("/batch", post(amplitude::events).layer(DefaultBodyLimit::max(MAX_BATCH_SENT_BYTES)))
        .route(Route::Users.path(), post(|s, i, h, b| amplitude::properties(Route::Users, s, i, h, b)))
        .route(Route::Groups.path(), post(|s, i, h, b| amplitude::properties(Route::Groups, s, i, h, b)))
        .route("/api/3/lookup_table/{name}", put(amplitude::table).layer(DefaultBodyLimit::max(MAX_TABLE_SENT_BYTES)))
        .route("/api/2/deletions/users", post(amplitude::delete_users).get(amplitude::deletions))
        .route("/api/2/export", get(amplitude::export))
        .route("/sandbox/amplitude.json", get(amplitude::show))
        .route("/sandbox/delete-all", post(amplitude::delete_all))
        .route("/api/query/engage", post(query::engage))
        .route("/api/2.0/export", get(lines::export))
        .route("/api/app/data-deletions/v3.0/", post(deletions::add))
        .route("/api/app/data-deletions/v3.0/{tracking}", get(deletions::show))
        .route("/api/app/projects/{project}/data-groups/", get(definitions::groups))
        .route("/api/app/projects/{project}/data-definitions/{resource}", patch(definitions::define))
        .route("/sandbox/definitions.json", get(definitions::show))
        .route("/sandbox/events.json", get(lines::visible))
        .route("/sandbox/summary.json", get(control::summary))
        .route("/sandbox/identities.json", get(control::identities))
        .route("/sandbox/faults", get(control::faults).post(control::set_faults))
        .route("/sandbox/data", delete(control::clear))
        .layer(DefaultBodyLimit::max(MAX_SENT_BYTES))
        .with_state(state)
}

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
