use crate::ledger::LedgerError;
use crate::ports::{ExportError, PortError};

/// Why a step of the protocol did not do its work, told by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Try again later: sweep will.
    #[error("{0}")]
    Retry(String),
    /// The sync stops until a person acts.
    #[error("{0}")]
    Halt(String),
}

impl From<PortError> for ProtocolError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Retry { .. } => Self::Retry(error.to_string()),
            PortError::Halt { .. } => Self::Halt(error.to_string()),
        }
    }
}

impl From<ExportError> for ProtocolError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Changed { .. } | ExportError::Retry { .. } => Self::Retry(error.to_string()),
            ExportError::Unreadable { .. } => Self::Halt(error.to_string()),
        }
    }
}

impl From<LedgerError> for ProtocolError {
    fn from(error: LedgerError) -> Self {
        Self::Halt(error.to_string())
    }
}
