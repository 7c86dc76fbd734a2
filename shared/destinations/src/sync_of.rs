use std::sync::Arc;

use driftless_core::config::{
    AmplitudeConfig, AmplitudeProfiles, DestinationConfig, Kind, MixpanelConfig, Mode, MutationFilesConfig,
    ProjectConfig, SyncConfig,
};
use driftless_core::ports::Destination;
use driftless_core::protocol::Sync;

use crate::amplitude::{
    AmplitudeEventFiles, AmplitudeEvents, AmplitudeLookupTable, AmplitudeProfileFiles, AmplitudeProperties,
    AmplitudeTarget,
};
use crate::mixpanel::{
    MixpanelEvents, MixpanelHistory, MixpanelIdentities, MixpanelLookupTable, MixpanelProfiles, MixpanelTarget,
};

/// A sync with its destination. The configuration was checked, so its destination is in the project.
///
/// # Errors
/// If the time zone is unknown, the destination is not in the project, or the mapping of the kind is not there.
pub fn sync_of(config: &SyncConfig, project: &ProjectConfig, version: String) -> Result<Sync, String> {
    let name = &config.destination;
    let destination = project.destinations.get(name);
    let destination = match destination.ok_or_else(|| format!("destination {name} is not in driftless.yaml"))? {
        DestinationConfig::Mixpanel(mixpanel) => of_mixpanel(config, mixpanel)?,
        DestinationConfig::Amplitude(amplitude) => of_amplitude(config, amplitude)?,
    };
    Ok(Sync::new(config.clone(), destination, version))
}

/// A mapping, or that it is not there.
fn mapping<T: Clone>(config: &SyncConfig, mapping: &Option<T>) -> Result<T, String> {
    mapping.clone().ok_or_else(|| format!("kind {} has no mapping", config.kind.name()))
}

fn of_mixpanel(config: &SyncConfig, mixpanel: &MixpanelConfig) -> Result<Arc<dyn Destination>, String> {
    let target = MixpanelTarget::new(&config.destination, mixpanel);
    Ok(match config.kind {
        Kind::Events => Arc::new(MixpanelEvents::new(target, mapping(config, &config.events)?)?),
        Kind::UserProfiles | Kind::GroupProfiles => {
            Arc::new(MixpanelProfiles::new(target, mapping(config, &config.profiles)?))
        }
        Kind::ProfileHistory => Arc::new(MixpanelHistory::new(target, mapping(config, &config.profile_history)?)?),
        Kind::LookupTable => Arc::new(MixpanelLookupTable::new(target, mapping(config, &config.lookup_table)?)),
        Kind::Identities => Arc::new(MixpanelIdentities::new(target, mapping(config, &config.identities)?)),
    })
}

fn of_amplitude(config: &SyncConfig, amplitude: &AmplitudeConfig) -> Result<Arc<dyn Destination>, String> {
    let target = AmplitudeTarget::new(&config.destination, amplitude);
    let changes = matches!(config.mode, Mode::Mirror | Mode::Full);
    Ok(match config.kind {
        Kind::Events if changes => {
            let files = mutation_files(config, amplitude)?;
            Arc::new(AmplitudeEventFiles::new(&config.destination, files, mapping(config, &config.events)?)?)
        }
        Kind::Events => Arc::new(AmplitudeEvents::new(target, mapping(config, &config.events)?)?),
        Kind::UserProfiles | Kind::GroupProfiles => {
            let profiles = mapping(config, &config.profiles)?;
            if profiles.amplitude == AmplitudeProfiles::Profiles {
                let files = mutation_files(config, amplitude)?;
                Arc::new(AmplitudeProfileFiles::new(&config.destination, files, profiles))
            } else {
                Arc::new(AmplitudeProperties::new(target, profiles))
            }
        }
        Kind::ProfileHistory => return Err("Amplitude keeps no history of profiles".to_string()),
        Kind::Identities => return Err("Amplitude is not told of identities".to_string()),
        Kind::LookupTable => Arc::new(AmplitudeLookupTable::new(target, mapping(config, &config.lookup_table)?)),
    })
}

fn mutation_files(config: &SyncConfig, amplitude: &AmplitudeConfig) -> Result<MutationFilesConfig, String> {
    let missing = || format!("destinations.{}.mutation_files is not set", config.destination);
    amplitude.mutation_files.clone().ok_or_else(missing)
}
