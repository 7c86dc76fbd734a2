//! A deployed stack, as its operator sees it: the same ports, with the caller's own permissions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use driftless_aws::{Settings, Stack};
use driftless_core::model::{Phase, RunPhase};
use driftless_core::ports::{Observer, Ports};
use driftless_core::protocol::{Detected, ProtocolError, Sync, cancel_halt, detect, load_checkpoint};

use crate::cli::Failure;
use crate::engine::{Ended, Syncs};
use crate::project::{OpenProject, Worker};

/// How often a stack is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long nothing may move before waiting ends: a plan's 15 minutes, and two ticks of the sweep.
const PATIENCE: Duration = Duration::from_secs(25 * 60);

/// The stack of that name, by the settings that it published of itself.
pub async fn connect(name: &str) -> Result<Stack, Failure> {
    let config = driftless_aws::sdk_config().await;
    let parameter = format!("/driftless/{name}/settings");
    let settings = driftless_aws::published_settings(&config, &parameter).await.map_err(|cause| {
        Failure::failed(format!(
            "stack {name}: {cause}. Check its name, the region (AWS_REGION) and that you may read the parameter {parameter}"
        ))
    })?;
    let settings = Settings::read(&settings).map_err(Failure::failed)?;
    Stack::new(settings, &config, driftless_aws::names_an_endpoint(std::env::vars()), 0).map_err(Failure::failed)
}

/// Opens a stack with the configuration that is in force there.
pub async fn open_stack(name: &str, observer: Arc<dyn Observer>) -> Result<OpenProject, Failure> {
    let stack = connect(name).await?;
    let version = stack.current().await.map_err(Failure::failed)?;
    let told = |ports: &Ports| Ports { observer: observer.clone(), ..ports.clone() };
    let syncs: BTreeMap<_, _> =
        version.syncs.iter().map(|(name, (sync, ports))| (name.clone(), (sync.clone(), told(ports)))).collect();
    Ok(OpenProject {
        destinations: version.destinations.clone(),
        ports: told(stack.ports()),
        syncs,
        http: version.http.clone(),
        worker: Worker::Functions,
    })
}

/// Starts syncs as a person does, and waits until the functions have nothing left to do.
pub async fn start_and_wait(syncs: &Syncs) -> Result<Ended, ProtocolError> {
    let mut ended = Ended::default();
    for (name, (sync, ports)) in syncs {
        cancel_halt(ports, sync).await?;
        detect(ports, sync, true).await?;
        match wait(ports, sync).await? {
            Waited::Quiet => {}
            Waited::Waiting(reason) => ended.waiting.push((name.clone(), reason)),
            Waited::Stopped(reason) => ended.errors.push((name.clone(), reason)),
        }
    }
    Ok(ended)
}

enum Waited {
    Quiet,
    Waiting(String),
    Stopped(String),
}

async fn wait(ports: &Ports, sync: &Arc<Sync>) -> Result<Waited, ProtocolError> {
    let mut seen = None;
    let mut since = tokio::time::Instant::now();
    loop {
        let checkpoint = load_checkpoint(ports, sync.name()).await?;
        if let Some(held) = checkpoint.runs.iter().find(|run| run.phase == RunPhase::Held) {
            return Ok(Waited::Waiting(format!("run {} is held for approval", held.run.0)));
        }
        if let Phase::Halted { reason } = &checkpoint.phase {
            return Ok(Waited::Stopped(reason.clone()));
        }
        if checkpoint.phase == Phase::Idle && checkpoint.runs.is_empty() {
            // Something may have come meanwhile, or a bounded planning has left something.
            match detect(ports, sync, true).await? {
                Detected::Nothing => return Ok(Waited::Quiet),
                Detected::Incomplete(reason) => return Ok(Waited::Waiting(reason)),
                _ => {}
            }
        }
        if seen.as_ref() != Some(&checkpoint) {
            (seen, since) = (Some(checkpoint), tokio::time::Instant::now());
        } else if since.elapsed() > PATIENCE {
            let minutes = PATIENCE.as_secs() / 60;
            let reason = format!("nothing moved for {minutes} minutes; look at the functions' logs and dead letters");
            return Ok(Waited::Stopped(reason));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
