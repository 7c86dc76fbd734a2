use std::fs::{File, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use driftless_core::model::ExportVersion;
use driftless_core::ports::{ExportBytes, ExportError, ExportStore, PortError};

use crate::export_file::{ExportFile, version_of};
use crate::io_error::port_error;
use crate::key_path::path_of;
use crate::key_walk::{KeyWalk, Step};

/// Exports in a folder. Keys are paths below it with `/` between parts; a prefix is a prefix of the key, not a folder.
///
/// A symbolic link to a file is followed if the file is inside the folder; other links, links to folders, sockets and
/// pipes do not exist for it.
#[derive(Clone, Debug)]
pub struct FolderExports {
    root: Arc<PathBuf>,
    exclude: Arc<Vec<PathBuf>>,
}

impl FolderExports {
    /// The exports below `root`. The folder is looked at when it is listed, not before.
    pub fn new(root: PathBuf) -> Self {
        Self { root: Arc::new(root), exclude: Arc::new(Vec::new()) }
    }

    /// Leaves out a folder or file, such as the state folder inside the exports.
    #[must_use]
    pub fn excluding(self, path: PathBuf) -> Self {
        let mut exclude = self.exclude.as_ref().clone();
        exclude.push(path);
        Self { exclude: Arc::new(exclude), ..self }
    }
}

#[async_trait]
impl ExportStore for FolderExports {
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
        let store = self.clone();
        let prefix = prefix.to_string();
        let after = after.unwrap_or_default().to_string();
        blocking("listing exports", move || list(&store, &prefix, &after, limit)).await?
    }

    async fn open(&self, version: &ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
        let store = self.clone();
        let version = version.clone();
        let export = version.key.clone();
        let opened = blocking("opening an export", move || open(&store, version)).await;
        opened.unwrap_or_else(|error| Err(ExportError::Retry { export, cause: error.to_string() }))
    }
}

async fn blocking<T: Send + 'static>(
    what: &'static str,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PortError> {
    tokio::task::spawn_blocking(job).await.map_err(|error| PortError::retry(what, error))
}

fn list(store: &FolderExports, prefix: &str, after: &str, limit: usize) -> Result<Vec<ExportVersion>, PortError> {
    let root = canonical_root(&store.root)?;
    let exclude = excluded_below(store, &root);
    let mut versions = Vec::new();
    if limit == 0 {
        return Ok(versions);
    }
    let walk = KeyWalk { root: &root, prefix, after, exclude: &exclude };
    walk.visit(&mut |key, path, file_type| {
        versions.extend(look_at(&root, key, path, file_type)?);
        Ok(if versions.len() < limit { Step::On } else { Step::Stop })
    })
    .map_err(|error| port_error(format!("listing the exports under {prefix:?}"), &error))?;
    Ok(versions)
}

/// The version of a file; `None` for what is not an export, and for a file that was removed just now.
fn look_at(root: &Path, key: String, path: &Path, file_type: FileType) -> io::Result<Option<ExportVersion>> {
    if file_type.is_symlink() && !leads_inside(root, path) {
        return Ok(None);
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => version_of(key, &metadata).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn leads_inside(root: &Path, path: &Path) -> bool {
    path.canonicalize().is_ok_and(|target| target.starts_with(root))
}

fn open(store: &FolderExports, pinned: ExportVersion) -> Result<Box<dyn ExportBytes>, ExportError> {
    let changed = || ExportError::Changed { export: pinned.key.clone() };
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => changed(),
        _ => match port_error("opening the file", &error) {
            PortError::Retry { .. } => ExportError::Retry { export: pinned.key.clone(), cause: error.to_string() },
            PortError::Halt { remedy, .. } => {
                ExportError::Unreadable { export: pinned.key.clone(), cause: error.to_string(), remedy }
            }
        },
    };
    let root = store.root.canonicalize().map_err(failed)?;
    let path = path_of(&root, &pinned.key).map_err(|cause| ExportError::Unreadable {
        export: pinned.key.clone(),
        cause: cause.to_string(),
        remedy: "List the exports again".to_string(),
    })?;
    // Looked at before it is opened, because opening a pipe would wait for its writer.
    let is_file = std::fs::metadata(&path).map_err(failed)?.is_file();
    if !is_file || !leads_inside(&root, &path) {
        return Err(changed());
    }
    let file = File::open(&path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let version = version_of(pinned.key.clone(), &metadata).map_err(failed)?;
    if !version.is_same(&pinned) {
        return Err(changed());
    }
    Ok(Box::new(ExportFile { file, version }))
}

fn canonical_root(root: &Path) -> Result<PathBuf, PortError> {
    root.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PortError::halt(
            "listing exports",
            format!("the exports folder {} does not exist", root.display()),
            "Create it, or correct `exports` in driftless.yaml",
        ),
        _ => port_error(format!("the exports folder {}", root.display()), &error),
    })
}

fn excluded_below(store: &FolderExports, root: &Path) -> Vec<PathBuf> {
    let excluded = store.exclude.iter().filter_map(|p| p.canonicalize().ok());
    excluded.filter(|path| path.starts_with(root)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(store: &FolderExports, prefix: &str, after: &str, limit: usize) -> Vec<String> {
        let versions = list(store, prefix, after, limit).unwrap();
        versions.into_iter().map(|version| version.key).collect()
    }

    fn tree(files: &[&str]) -> (tempfile::TempDir, FolderExports) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let store = FolderExports::new(folder.path().to_path_buf());
        (folder, store)
    }

    #[test]
    fn pages_from_any_place_equal_the_whole() {
        let (_folder, store) = tree(&["a/1", "a/b/2", "a.csv", "a-b/3", "a0", "b/c/d/4", "b/c!"]);
        let all = keys(&store, "", "", 100);
        let mut sorted = all.clone();
        sorted.sort();
        assert_eq!(all, sorted);
        assert_eq!(all.len(), 7);
        for at in 0..all.len() {
            assert_eq!(keys(&store, "", &all[at], 2), all[at + 1..][..2.min(6 - at)]);
        }
        assert_eq!(keys(&store, "", "a/b", 1), ["a/b/2"]);
        assert_eq!(keys(&store, "b/c", "", 9), ["b/c!", "b/c/d/4"]);
        assert_eq!(keys(&store, "../", "", 9), Vec::<String>::new());
    }

    #[test]
    fn the_state_folder_is_left_out() {
        let (folder, store) = tree(&["a", ".driftless/state", "z"]);
        let store = store.excluding(folder.path().join(".driftless"));
        assert_eq!(keys(&store, "", "", 9), ["a", "z"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_inside_the_folder_only() {
        use std::os::unix::fs::symlink;
        let (other, _) = tree(&["secret"]);
        let (folder, store) = tree(&["real"]);
        symlink("real", folder.path().join("inside")).unwrap();
        symlink(other.path().join("secret"), folder.path().join("outside")).unwrap();
        symlink(other.path(), folder.path().join("folder")).unwrap();
        symlink("nowhere", folder.path().join("broken")).unwrap();
        assert_eq!(keys(&store, "", "", 9), ["inside", "real"]);
        let mut version = list(&store, "real", "", 1).unwrap().remove(0);
        version.key = "folder/secret".to_string();
        assert!(matches!(open(&store, version), Err(ExportError::Changed { .. })));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list(&FolderExports::new("/no/such/exports".into()), "", "", 1).unwrap_err();
        assert!(error.to_string().contains("/no/such/exports"), "{error}");
    }

    #[test]
    fn bytes_are_pinned_until_the_file_itself_is_written() {
        let (folder, store) = tree(&["a", "b"]);
        let version = list(&store, "a", "", 1).unwrap().remove(0);
        let mut bytes = open(&store, version.clone()).unwrap();
        std::fs::rename(folder.path().join("b"), folder.path().join("a")).unwrap();
        assert!(bytes.is_still_pinned().unwrap());
        assert!(matches!(open(&store, version), Err(ExportError::Changed { .. })));

        let version = list(&store, "a", "", 1).unwrap().remove(0);
        let mut bytes = open(&store, version).unwrap();
        std::fs::write(folder.path().join("a"), "longer than before").unwrap();
        assert!(!bytes.is_still_pinned().unwrap());
    }
}
