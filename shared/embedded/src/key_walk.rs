use std::fs::{DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};

/// Folders inside each other that are walked; deeper ones are an error. No warehouse nests partitions this deep.
const DEPTH_MAX: usize = 64;

/// A part of the tree in key order, as an object store would list it.
pub(crate) struct KeyWalk<'a> {
    /// Folder that keys are relative to.
    pub root: &'a Path,
    /// Only keys that start with it.
    pub prefix: &'a str,
    /// Only keys after it.
    pub after: &'a str,
    /// Folders and files that do not exist for the walk.
    pub exclude: &'a [PathBuf],
}

/// Whether the walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// More keys are wanted.
    On,
    /// Enough.
    Stop,
}

impl KeyWalk<'_> {
    /// Visits files and symbolic links (never folders) in key order. Folders that cannot hold a wanted key are not read,
    /// and no file is opened or asked for its metadata.
    pub fn visit(&self, visit: &mut dyn FnMut(String, &Path, FileType) -> io::Result<Step>) -> io::Result<()> {
        self.folder(self.root, "", 0, visit).map(|_| ())
    }

    fn folder(
        &self,
        folder: &Path,
        base: &str,
        depth: usize,
        visit: &mut dyn FnMut(String, &Path, FileType) -> io::Result<Step>,
    ) -> io::Result<Step> {
        if depth > DEPTH_MAX {
            let cause = format!("{base} is more than {DEPTH_MAX} folders deep");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, cause));
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            // Removed since its parent was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth > 0 => {
                return Ok(Step::On);
            }
            Err(error) => return Err(error),
        };
        let mut wanted = Vec::new();
        for entry in entries {
            wanted.extend(self.wanted(&entry?, base)?);
        }
        // A folder sorts by its name and the slash after it: `a.csv` comes before what is in `a/`.
        wanted.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for (key, file_type) in wanted {
            let path = self.root.join(&key);
            let step = if file_type.is_dir() {
                self.folder(&path, &key, depth + 1, visit)?
            } else {
                visit(key, &path, file_type)?
            };
            if step == Step::Stop {
                return Ok(Step::Stop);
            }
        }
        Ok(Step::On)
    }

    /// The key of an entry, with a slash at its end for a folder, if it can lead to wanted keys.
    fn wanted(&self, entry: &DirEntry, base: &str) -> io::Result<Option<(String, FileType)>> {
        let file_type = match entry.file_type() {
            Ok(file_type) => file_type,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = entry.file_name();
        let slash = if file_type.is_dir() { "/" } else { "" };
        let key = format!("{base}{}{slash}", name.to_string_lossy());
        let (has_prefix, is_after) = if file_type.is_dir() {
            (
                key.starts_with(self.prefix) || self.prefix.starts_with(&key),
                key.as_str() > self.after || self.after.starts_with(&key),
            )
        } else {
            (key.starts_with(self.prefix), key.as_str() > self.after)
        };
        if !has_prefix || !is_after || self.exclude.iter().any(|path| *path == entry.path()) {
            return Ok(None);
        }
        if name.to_str().is_none() {
            let cause = format!("the name of {key} is not UTF-8: rename it");
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, cause));
        }
        Ok(Some((key, file_type)))
    }
}
