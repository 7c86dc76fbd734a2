use std::io::{Error, ErrorKind};

use driftless_core::ports::PortError;

/// What a failure of the file system means to the caller. `what` names what was tried.
pub(crate) fn port_error(what: impl Into<String>, error: &Error) -> PortError {
    match remedy(error.kind()) {
        Some(remedy) => PortError::halt(what, error, remedy),
        None => PortError::retry(what, error),
    }
}

/// What a person can do about it; `None` if it may pass by itself.
fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::PermissionDenied => Some("Give the user who runs driftless access to the folder"),
        ErrorKind::ReadOnlyFilesystem => Some("Mount the file system for writing"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("Free some disk space and start again"),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            Some("The name cannot be stored as a file here: rename what it was made from")
        }
        _ => None,
    }
}
