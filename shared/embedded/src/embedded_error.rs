use std::path::Path;

/// Why a state folder cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process works on it.
    #[error(
        "{folder} is in use by {holder}. Wait until it is done or stop it; two processes cannot share one state folder"
    )]
    InUse {
        /// The state folder.
        folder: String,
        /// The process, as it wrote itself down.
        holder: String,
    },
    /// The folder or a file in it cannot be used.
    #[error("{path}: {cause}. Check that the folder exists, is writable and has free space")]
    Folder {
        /// The folder or file.
        path: String,
        /// Cause.
        cause: String,
    },
    /// The SQLite file cannot be used.
    #[error("{path}: {cause}. {remedy}")]
    Database {
        /// The file.
        path: String,
        /// Cause.
        cause: String,
        /// What to do.
        remedy: String,
    },
}

impl EmbeddedError {
    pub(crate) fn folder(path: &Path, cause: impl ToString) -> Self {
        Self::Folder { path: path.display().to_string(), cause: cause.to_string() }
    }

    pub(crate) fn database(path: &Path, cause: impl ToString, remedy: impl Into<String>) -> Self {
        Self::Database { path: path.display().to_string(), cause: cause.to_string(), remedy: remedy.into() }
    }

    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        move |error| {
            Self::database(path, error, "Check that the file is on a local disk, is writable and was not damaged")
        }
    }
}
