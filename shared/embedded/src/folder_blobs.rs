use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use driftless_core::ports::{Blobs, PortError};

use crate::io_error::port_error;
use crate::key_path::path_of;
use crate::key_walk::{KeyWalk, Step};

/// Folder below the root where objects are written before they get their name. No key begins with it.
const UNFINISHED: &str = ".unfinished";

/// Objects as files in a folder. A file appears whole and only after its bytes are on disk; `put` returns after its
/// name is on disk too.
///
/// Unlike in S3, no key can be another key and a slash more (`a` and `a/b`).
#[derive(Clone, Debug)]
pub struct FolderBlobs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Held for reading while a file gets its name, for writing while empty folders are removed.
    folders: RwLock<()>,
    /// Folders whose own names are on disk.
    durable: Mutex<BTreeSet<PathBuf>>,
}

impl FolderBlobs {
    /// The objects below `root`, which is created with the first of them.
    pub fn new(root: PathBuf) -> Self {
        Self { shared: Arc::new(Shared { root, folders: RwLock::new(()), durable: Mutex::new(BTreeSet::new()) }) }
    }

    /// Removes what an earlier process left unfinished. Only for the one process that works here.
    pub(crate) fn remove_unfinished(&self) -> io::Result<()> {
        absent_is_fine(std::fs::remove_dir_all(self.shared.root.join(UNFINISHED)))
    }

    async fn run<T: Send + 'static>(
        &self,
        what: String,
        job: impl FnOnce(&Shared) -> io::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let shared = self.shared.clone();
        match tokio::task::spawn_blocking(move || job(&shared)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(port_error(what, &error)),
            Err(error) => Err(PortError::retry(what, error)),
        }
    }
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError> {
        let name = key.to_string();
        self.run(format!("writing {key}"), move |shared| shared.put(&name, &bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, PortError> {
        let name = key.to_string();
        self.run(format!("reading {key}"), move |shared| match std::fs::read(shared.path_of(&name)?) {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, PortError> {
        let (start, after) = (prefix.to_string(), after.unwrap_or_default().to_string());
        self.run(format!("listing {prefix}"), move |shared| shared.list(&start, &after, limit)).await
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        let name = key.to_string();
        self.run(format!("deleting {key}"), move |shared| shared.delete(&name)).await
    }
}

impl Shared {
    fn path_of(&self, key: &str) -> io::Result<PathBuf> {
        if key.split('/').next() == Some(UNFINISHED) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("no key begins with {UNFINISHED}")));
        }
        path_of(&self.root, key).map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))
    }

    fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path_of(key)?;
        let parent = path.parent().unwrap_or(&self.root);
        let unfinished = self.root.join(UNFINISHED);
        std::fs::create_dir_all(&unfinished)?;
        let mut file = tempfile::NamedTempFile::new_in(&unfinished)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        {
            let _kept = self.folders.read().unwrap_or_else(PoisonError::into_inner);
            self.create_durably(parent)?;
            file.persist(&path).map_err(|error| error.error)?;
        }
        // The folder is gone if the object was deleted meanwhile.
        absent_is_fine(sync_folder(parent))
    }

    /// Creates the folders down to `folder` and syncs the names of those that this process has not synced yet, whoever
    /// created them.
    fn create_durably(&self, folder: &Path) -> io::Result<()> {
        if self.durable().contains(folder) {
            return Ok(());
        }
        if let Some(parent) = folder.parent()
            && folder != self.root
        {
            self.create_durably(parent)?;
        }
        std::fs::create_dir_all(folder)?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        self.durable().insert(folder.to_path_buf());
        Ok(())
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        if limit == 0 {
            return Ok(keys);
        }
        let walk = KeyWalk { root: &self.root, prefix, after, exclude: &[self.root.join(UNFINISHED)] };
        let walked = walk.visit(&mut |key, _, _| {
            keys.push(key);
            Ok(if keys.len() < limit { Step::On } else { Step::Stop })
        });
        absent_is_fine(walked)?;
        Ok(keys)
    }

    /// Deletes the file and the folders that it leaves empty.
    fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path_of(key)?;
        absent_is_fine(std::fs::remove_file(&path))?;
        let _alone = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        let parents = path.ancestors().skip(1);
        for folder in parents.take_while(|folder| *folder != self.root) {
            // Fails for a folder that is not empty, which is how the loop ends.
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
            self.durable().remove(folder);
        }
        Ok(())
    }
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}

/// Windows has no such call; its file systems log names themselves.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether there is no object of that key. A folder is not an object, and a file has nothing below it.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn deleting_the_last_object_of_a_folder_removes_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FolderBlobs::new(folder.path().join("blobs"));
        blobs.put("a/b/c", Bytes::from_static(b"x")).await.unwrap();
        blobs.put("a/d", Bytes::from_static(b"x")).await.unwrap();
        blobs.delete("a/b/c").await.unwrap();
        assert!(!folder.path().join("blobs/a/b").exists());
        assert!(folder.path().join("blobs/a").exists());
        blobs.put("a/b/c", Bytes::from_static(b"y")).await.unwrap();
        assert_eq!(blobs.get("a/b/c").await.unwrap().unwrap(), "y");
    }

    #[tokio::test]
    async fn a_key_that_leaves_the_folder_halts() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = FolderBlobs::new(folder.path().join("blobs"));
        for key in ["../x", "/x", "a//b", ".unfinished/x"] {
            let error = blobs.put(key, Bytes::new()).await.unwrap_err();
            assert!(matches!(error, PortError::Halt { .. }), "{key}: {error}");
        }
    }

    #[tokio::test]
    async fn what_was_left_unfinished_is_never_listed_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let unfinished = folder.path().join(UNFINISHED);
        std::fs::create_dir_all(&unfinished).unwrap();
        std::fs::write(unfinished.join("half"), "x").unwrap();
        let blobs = FolderBlobs::new(folder.path().to_path_buf());
        assert!(blobs.list("", None, 9).await.unwrap().is_empty());
        blobs.remove_unfinished().unwrap();
        assert!(!unfinished.exists());
    }
}
