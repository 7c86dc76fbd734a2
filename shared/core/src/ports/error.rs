/// Why a port did not do what it was asked, told by what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Try again later. A write may or may not have happened.
    #[error("{what}: {cause}")]
    Retry {
        /// What was tried, without any row content.
        what: String,
        /// What went wrong.
        cause: String,
    },
    /// Trying again cannot help.
    #[error("{what}: {cause}. {remedy}")]
    Halt {
        /// What was tried.
        what: String,
        /// What went wrong.
        cause: String,
        /// What a person can do.
        remedy: String,
    },
}

impl PortError {
    /// A passing failure.
    pub fn retry(what: impl Into<String>, cause: impl ToString) -> Self {
        Self::Retry { what: what.into(), cause: cause.to_string() }
    }

    /// A lasting failure.
    pub fn halt(what: impl Into<String>, cause: impl ToString, remedy: impl Into<String>) -> Self {
        Self::Halt { what: what.into(), cause: cause.to_string(), remedy: remedy.into() }
    }
}
