use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use driftless_testkit::repository;

/// The folder of the functions' binaries, built as the tests were: with the same profile, selection and folder, so that
/// nothing is built twice.
pub fn binaries() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // .../target/debug/deps/test-0123 is this process.
        let test = std::env::current_exe().expect("this test's path");
        let folder = test.ancestors().nth(2).expect("the profile's folder").to_path_buf();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--workspace", "--all-targets", "--locked", "--quiet"]);
        build.arg("--target-dir").arg(folder.parent().expect("the target folder"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(repository()).status().expect("cargo");
        assert!(built.success(), "the functions do not build");
        folder
    })
}
