use std::fmt;

use driftless_core::ports::PortError;
use rusqlite::{Error, ErrorCode};

/// What SQLite said.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// `None` for what was read and made no sense.
    code: Option<ErrorCode>,
    cause: String,
}

impl Failure {
    /// Something that was given up and may be tried again.
    pub fn aborted(cause: &str) -> Self {
        Self { code: Some(ErrorCode::OperationAborted), cause: cause.to_string() }
    }

    /// A write where nothing may be written.
    pub fn only_looking() -> Self {
        let cause = "this command only looks at the state, and tried to change it";
        Self { code: Some(ErrorCode::AuthorizationForStatementDenied), cause: cause.to_string() }
    }

    /// Something that was read and made no sense.
    pub fn unreadable(cause: &str) -> Self {
        Self { code: None, cause: cause.to_string() }
    }

    /// This failure, for a write that was to be committed together with the one that failed.
    pub fn of_neighbour(&self) -> Self {
        Self { code: self.code.or(Some(ErrorCode::OperationAborted)), cause: self.cause.clone() }
    }

    /// What it means to the caller of a port.
    pub fn port_error(&self, what: &str) -> PortError {
        let remedy = match self.code {
            Some(ErrorCode::DiskFull) => "Free some disk space and start again",
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                "Give the user who runs driftless access to the state folder"
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "The state file is damaged: restore the state folder from a backup"
            }
            Some(ErrorCode::AuthorizationForStatementDenied) => "Report this as a defect",
            Some(_) => return PortError::retry(what, &self.cause),
            None => "The state was written by another version of driftless: use that version",
        };
        PortError::halt(what, &self.cause, remedy)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.sqlite_error_code(), cause: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.cause)
    }
}
