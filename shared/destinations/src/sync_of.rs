use std::sync::Arc;

use driftless_core::config::{DestinationConfig, ProjectConfig, SyncConfig};
use driftless_core::protocol::Sync;

use crate::mixpanel::{MixpanelEvents, MixpanelTarget};

/// A sync with its destination. The configuration was checked, so its destination is in the project.
///
/// # Errors
/// If the time zone is unknown, or the destination is not in the project.
pub fn sync_of(config: &SyncConfig, project: &ProjectConfig, version: String) -> Result<Sync, String> {
    let name = &config.destination;
    let destination = project.destinations.get(name);
    let DestinationConfig::Mixpanel(mixpanel) =
        destination.ok_or_else(|| format!("destination {name} is not in driftless.yaml"))?;
    let events = MixpanelEvents::new(MixpanelTarget::new(name, mixpanel), config.events.clone())?;
    Ok(Sync::new(config.clone(), Arc::new(events), version))
}
