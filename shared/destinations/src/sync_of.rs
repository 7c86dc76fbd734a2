use std::sync::Arc;

use driftless_core::config::{DestinationConfig, Kind, ProjectConfig, SyncConfig};
use driftless_core::ports::Destination;
use driftless_core::protocol::Sync;

use crate::mixpanel::{MixpanelEvents, MixpanelLookupTable, MixpanelProfiles, MixpanelTarget};

/// A sync with its destination. The configuration was checked, so its destination is in the project.
///
/// # Errors
/// If the time zone is unknown, the destination is not in the project, or the mapping of the kind is not there.
pub fn sync_of(config: &SyncConfig, project: &ProjectConfig, version: String) -> Result<Sync, String> {
    let name = &config.destination;
    let destination = project.destinations.get(name);
    let DestinationConfig::Mixpanel(mixpanel) =
        destination.ok_or_else(|| format!("destination {name} is not in driftless.yaml"))?;
    let target = MixpanelTarget::new(name, mixpanel);
    let destination: Arc<dyn Destination> = match (config.kind, &config.events, &config.profiles) {
        (Kind::Events, Some(events), _) => Arc::new(MixpanelEvents::new(target, events.clone())?),
        (Kind::UserProfiles | Kind::GroupProfiles, _, Some(profiles)) => {
            Arc::new(MixpanelProfiles::new(target, profiles.clone()))
        }
        (Kind::LookupTable, _, _) => match &config.lookup_table {
            Some(table) => Arc::new(MixpanelLookupTable::new(target, table.clone())),
            None => return Err("kind lookup_table has no mapping".to_string()),
        },
        (kind, _, _) => return Err(format!("kind {} has no mapping", kind.name())),
    };
    Ok(Sync::new(config.clone(), destination, version))
}
