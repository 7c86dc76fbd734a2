//! The user's own way to AWS: `sam build` and `sam deploy`, into the emulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use driftless_testkit::repository;

use super::binaries::binaries;
use super::emulator::{Account, tool};

/// `sam`, if `.ci/tools` has installed it; in CI its absence is a failure.
pub fn sam() -> Option<PathBuf> {
    let program = tool("sam", "sam");
    if program.exists() {
        return Some(program);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not there", program.display());
    eprintln!("SKIPPED: no sam at {}; .ci/tools installs it", program.display());
    None
}

/// Builds the functions as `sam build` does, but for a debug build with the compiler of this machine, and returns the
/// built template. Into the folder that the tests were built in, so that dependencies are built once.
pub fn build(sam: &Path, folder: &Path) -> PathBuf {
    let target = binaries().parent().unwrap();
    let built = folder.join("build");
    let mut build = command(sam);
    build.arg("build").arg("--build-dir").arg(&built).current_dir(repository());
    build.env("CARGO_TARGET_DIR", target).env("SAM_BUILD_MODE", "debug").env("CARGO_LAMBDA_COMPILER", "cargo");
    run(build);
    built.join("template.yaml")
}

/// Deploys a built template. Two things of it the emulator needs otherwise: where AWS is, and numbers as numbers where a
/// parameter stands for one (it hands them on as texts).
pub fn deploy(sam: &Path, template: &Path, account: &Account, stack: &str) {
    let text = std::fs::read_to_string(template).unwrap();
    let mut template_value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    template_value["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = account.url.clone().into();
    for name in ["PlanFunction", "DeliverFunction"] {
        let events = template_value["Resources"][name]["Properties"]["Events"].as_object_mut().unwrap();
        for event in events.values_mut() {
            event["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 2.into();
        }
    }
    let copy = template.with_file_name("emulated.yaml");
    std::fs::write(&copy, serde_json::to_string(&template_value).unwrap()).unwrap();
    let mut deploy = command(sam);
    deploy.args(["deploy", "--stack-name", stack, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]);
    deploy.args(["--no-confirm-changeset", "--template-file"]).arg(&copy);
    deploy.current_dir(template.parent().unwrap());
    deploy.env("AWS_ENDPOINT_URL", &account.url).env("AWS_ACCESS_KEY_ID", &account.id);
    deploy.env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_DEFAULT_REGION", "us-east-1");
    run(deploy);
}

/// `sam` with the programs beside it, which it looks for.
fn command(sam: &Path) -> Command {
    let mut command = Command::new(sam);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", sam.parent().unwrap().display())).env("SAM_CLI_TELEMETRY", "0");
    command
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
}
