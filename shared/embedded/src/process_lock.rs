use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use fs4::{FileExt, TryLockError};

use crate::embedded_error::EmbeddedError;

/// Name of the lock file in the state folder.
const FILE: &str = "lock";

/// Bytes of the lock file that are shown: it holds a process number.
const SHOWN_BYTES_MAX: u64 = 64;

/// Proof that this process works alone in a state folder. The operating system releases it when the process ends,
/// however it ends; the file stays.
#[derive(Debug)]
pub struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock, or says which process has it.
    pub fn take(state_folder: &Path) -> Result<Self, EmbeddedError> {
        let path = state_folder.join(FILE);
        let failed = |error: std::io::Error| EmbeddedError::folder(&path, error);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EmbeddedError::InUse {
                    folder: state_folder.display().to_string(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "process {}", std::process::id()))
            .and_then(|()| file.flush())
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// What the holder wrote; it may be about to write it.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(SHOWN_BYTES_MAX).read_to_string(&mut text) {
        Ok(length) if length > 0 => text,
        _ => "another process".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = ProcessLock::take(folder.path()).unwrap();
        let error = ProcessLock::take(folder.path()).unwrap_err().to_string();
        let process = format!("process {}", std::process::id());
        assert!(error.contains(&process), "{error}");
        drop(first);
        ProcessLock::take(folder.path()).unwrap();
    }
}
