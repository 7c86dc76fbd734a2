use std::path::{Path, PathBuf};

/// Where the object of a key is below a root, or why there can be none: a key never leaves the root.
pub(crate) fn path_of(root: &Path, key: &str) -> Result<PathBuf, &'static str> {
    if key.contains(['\\', '\0']) {
        return Err("a key cannot contain a backslash or a zero byte");
    }
    let mut path = root.to_path_buf();
    for part in key.split('/') {
        match part {
            "" => return Err("a key cannot be empty, begin or end with a slash, or contain two"),
            "." | ".." => return Err("a key cannot contain the parts `.` or `..`"),
            _ => path.push(part),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_below_the_root() {
        let root = Path::new("root");
        assert_eq!(path_of(root, "a/b.c").unwrap(), root.join("a").join("b.c"));
        for bad in ["", "/etc/x", "a//b", "a/", "../x", "a/../../x", "a/./b", "a\\b", "a\0"] {
            assert!(path_of(root, bad).is_err(), "{bad:?}");
        }
    }
}
