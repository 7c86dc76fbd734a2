use super::{DestinationConfig, Kind, Mode};

/// Whether a kind and a mode work at a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// They do.
    Works,
    /// They do with mutation files (`destinations.NAME.mutation_files`).
    NeedsMutationFiles,
    /// They do by what no documentation promises (`profile_history.experimental`).
    Experimental,
    /// Not at all, for this reason.
    Refused(&'static str),
}

/// The matrix of the README: what works where.
pub fn support(destination: &DestinationConfig, kind: Kind, mode: Mode) -> Support {
    use DestinationConfig::{Amplitude, Mixpanel};
    match (destination, kind, mode) {
        (_, Kind::LookupTable, Mode::Mirror) => Support::Works,
        (_, Kind::LookupTable, _) => {
            Support::Refused("a lookup table is always replaced whole; use mode: mirror and feed: snapshot")
        }
        (Amplitude(_), Kind::ProfileHistory, _) => Support::Refused("Amplitude keeps no history of profiles"),
        (Mixpanel(_), Kind::ProfileHistory, Mode::Mirror) => Support::Refused(
            "a row of a history cannot be deleted: an empty one in its place would end the property there; use mode: full, and a row of nulls where a property ended",
        ),
        (Mixpanel(_), Kind::ProfileHistory, _) => Support::Experimental,
        (Amplitude(_), Kind::Identities, _) => {
            Support::Refused("Amplitude joins a device and its user by events that have both; map both in kind: events")
        }
        (Mixpanel(_), Kind::Identities, Mode::Mirror | Mode::Full) => {
            Support::Refused("ids that were merged cannot be parted again; use mode: append")
        }
        (Amplitude(_), Kind::Events, Mode::Mirror | Mode::Full) => Support::NeedsMutationFiles,
        (Amplitude(_) | Mixpanel(_), _, _) => Support::Works,
    }
}
