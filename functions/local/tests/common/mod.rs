//! Project folders, a sandbox in this process, and the real command.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod server;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use driftless_sandbox::faults::FaultPlan;
use driftless_sandbox::server::{Sandbox, SandboxConfig, start};
use driftless_testkit::shared;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A command that takes longer hangs.
const COMMAND_MAX: Duration = Duration::from_secs(150);

/// The real data beside the checkout.
pub fn real_data(path: &str) -> Option<PathBuf> {
    shared(Path::new("data").join(path))
}

/// A project folder and the destination it points to.
pub struct Project {
    folder: TempDir,
    outputs: TempDir,
    runtime: Runtime,
    sandbox: Option<Sandbox>,
    url: String,
}

/// How a command ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Project {
    /// With a sandbox that never fails.
    pub fn new() -> Self {
        Self::with_faults(FaultPlan::default())
    }

    /// With a sandbox that fails as planned.
    pub fn with_faults(faults: FaultPlan) -> Self {
        Self::with_sandbox(SandboxConfig { faults, ..SandboxConfig::local(0) })
    }

    /// With a sandbox of the test's own; mutation files are in `amplitude/`.
    pub fn with_sandbox(config: SandboxConfig) -> Self {
        let (runtime, folder) = (runtime(), TempDir::new().unwrap());
        let config = SandboxConfig { mutation_files: Some(folder.path().join("amplitude")), ..config };
        let sandbox = runtime.block_on(start(config)).unwrap();
        let url = sandbox.url();
        Self::at(runtime, folder, Some(sandbox), url)
    }

    /// The destination is an Amplitude project.
    pub fn for_amplitude(self) -> Self {
        let options = "mutation_files: { to: amplitude/, window_minutes: 0 }";
        self.write(
            "driftless.yaml",
            format!(
                "exports: ./exports\ndestinations:\n  product: {{ type: amplitude, api_key: \"file:token.txt\", secret_key: \"file:token.txt\", url: \"{}\", {options} }}\n",
                self.url
            ),
        );
        self
    }

    /// What the sandbox's Amplitude project has.
    pub fn amplitude(&self) -> Value {
        serde_json::from_str(&self.get("/sandbox/amplitude.json")).unwrap()
    }

    /// With a destination of the test's own.
    pub fn with_url(url: &str) -> Self {
        Self::at(runtime(), TempDir::new().unwrap(), None, url.to_string())
    }

    fn at(runtime: Runtime, folder: TempDir, sandbox: Option<Sandbox>, url: String) -> Self {
        let project = Self { folder, outputs: TempDir::new().unwrap(), runtime, sandbox, url };
        project.write("token.txt", "test-token\n");
        project.write(
            "driftless.yaml",
            format!(
                "exports: ./exports\ndestinations:\n  product: {{ type: mixpanel, token: \"file:token.txt\", url: \"{}\" }}\n",
                project.url
            ),
        );
        fs::create_dir_all(project.path("exports")).unwrap();
        fs::create_dir_all(project.path("syncs")).unwrap();
        project
    }

    /// Writes `syncs/NAME.yaml`.
    pub fn sync_yaml(self, name: &str, yaml: &str) -> Self {
        self.write(&format!("syncs/{name}.yaml"), yaml);
        self
    }

    /// Writes an export.
    pub fn export(&self, key: &str, bytes: impl AsRef<[u8]>) -> &Self {
        self.write(&format!("exports/{key}"), bytes);
        self
    }

    /// Removes an export.
    pub fn remove(&self, key: &str) -> &Self {
        fs::remove_file(self.path("exports").join(key)).unwrap();
        self
    }

    /// Writes any file of the project.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A path in the project folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs the command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        let mut child = self.spawn(args);
        let began = Instant::now();
        let code = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.code().unwrap_or(-1),
                None if began.elapsed() > COMMAND_MAX => {
                    child.kill().unwrap();
                    panic!("driftless {args:?} hangs\n{}", self.ran(-1));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.ran(code)
    }

    fn ran(&self, code: i32) -> Ran {
        let read = |name| String::from_utf8(fs::read(self.outputs.path().join(name)).unwrap()).unwrap();
        Ran { code, out: read("out"), err: read("err") }
    }

    /// Starts the command.
    pub fn spawn(&self, args: &[&str]) -> Child {
        let file = |name| File::create(self.outputs.path().join(name)).unwrap();
        Command::new(env!("CARGO_BIN_EXE_driftless"))
            .args(args)
            .arg("--project")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap()
    }

    /// What the latest command printed so far.
    pub fn printed(&self) -> String {
        fs::read_to_string(self.outputs.path().join("out")).unwrap()
    }

    /// Runs `sync --json` and gives the runs of it.
    pub fn sync(&self) -> Synced {
        let ran = self.run(&["sync", "--json"]);
        let answer: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON\n{ran}"));
        Synced { ran, answer }
    }

    /// The events that a person sees: the latest copy of each identity, without tombstones.
    pub fn events(&self) -> Vec<Value> {
        self.lines("/sandbox/events.json?hide_deleted=true")
    }

    /// The latest copies that are tombstones.
    pub fn tombstones(&self) -> Vec<Value> {
        let all = self.lines("/sandbox/events.json");
        all.into_iter().filter(|event| event["properties"]["driftless_deleted"] == true).collect()
    }

    /// A lookup table as it was sent.
    pub fn lookup_table(&self, id: &str) -> Option<String> {
        self.sandbox.as_ref().unwrap().store().lookup_table(id).unwrap()
    }

    /// Profiles of a group key, or of users, by id.
    pub fn profiles(&self, group_key: &str) -> Vec<(String, Value)> {
        let store = self.sandbox.as_ref().unwrap().store();
        let profiles = store.profiles(group_key, "", usize::MAX >> 1).unwrap();
        profiles.into_iter().map(|row| (row.id, serde_json::from_str(&row.properties).unwrap())).collect()
    }

    /// Every copy that was ever accepted.
    pub fn copies(&self) -> Vec<Value> {
        self.lines("/api/2.0/export?from_date=1971-01-01&to_date=2999-12-31&time_in_ms=true")
    }

    fn lines(&self, path: &str) -> Vec<Value> {
        self.get(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Reads from the sandbox.
    pub fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.url);
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).basic_auth("test-token", Some("")).send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.text().await.unwrap()
        })
    }

    /// Tells the sandbox something.
    pub fn post(&self, path: &str, body: &Value) {
        let url = format!("{}{path}", self.url);
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client
                .post(url)
                .header("content-type", "application/json")
                .body(body.to_string())
                .send()
                .await
                .unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        })
    }

    /// The sandbox's address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Ran {
    /// Checks the exit code, showing everything if it differs.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// Checks that each of these words was printed, on either stream, in capitals or not.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let printed = format!("{}\n{}", self.out, self.err).to_lowercase();
        for word in words {
            assert!(printed.contains(&word.to_lowercase()), "it does not say `{word}`\n{self}");
        }
        self
    }

    /// Checks that none of these words was printed.
    #[track_caller]
    pub fn never_says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(!self.out.contains(word) && !self.err.contains(word), "it says `{word}`\n{self}");
        }
        self
    }

    /// The answer of a command with `--json`.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON\n{self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\nstdout:\n{}\nstderr:\n{}", self.code, self.out, self.err)
    }
}

/// What `sync --json` said.
pub struct Synced {
    pub ran: Ran,
    pub answer: Value,
}

impl Synced {
    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.ran.code, code, "exit code\n{}", self.ran);
        self
    }

    /// Adds up a number of the runs, by its path, such as `plan/updates`.
    pub fn sum(&self, path: &str) -> u64 {
        let runs = self.answer["runs"].as_array().unwrap();
        runs.iter().map(|run| run.pointer(&format!("/{path}")).and_then(Value::as_u64).unwrap_or(0)).sum()
    }

    /// Checks several such sums at once.
    #[track_caller]
    pub fn counts(self, expected: &[(&str, u64)]) -> Self {
        for (path, count) in expected {
            assert_eq!(self.sum(path), *count, "{path}\n{}", self.ran);
        }
        self
    }
}

/// The CSV text of records.
pub fn csv_text(records: impl IntoIterator<Item = impl IntoIterator<Item = impl AsRef<[u8]>>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).unwrap();
    }
    writer.into_inner().unwrap()
}
