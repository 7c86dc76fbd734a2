#![allow(clippy::expect_used)]

use std::path::{Path, PathBuf};

/// The checkout that the running test belongs to. Asked while it runs, not when it was built: clones that share a target
/// folder share the built test, too.
pub fn repository() -> PathBuf {
    let package = std::env::current_dir().expect("a test runs in its package's folder");
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    root.expect("a package of the workspace").to_path_buf()
}

/// Real data of `shared/` beside the checkout; `None`, and a word about it, where it is not there, which CI must not be.
pub fn shared(path: impl AsRef<Path>) -> Option<PathBuf> {
    let found = repository().join("../shared").join(&path);
    if found.exists() {
        return Some(found);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", found.display());
    eprintln!("SKIPPED: {} is not beside the checkout", found.display());
    None
}
