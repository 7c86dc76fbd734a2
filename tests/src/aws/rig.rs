//! The whole bundle on this machine: real function binaries, emulated AWS services, the sandbox as destination.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::types::NotificationConfiguration;
use driftless_aws::{Settings, Stack, published_settings};
use driftless_core::config::{ConfigFiles, PROJECT_FILE};
use driftless_core::model::{Checkpoint, Phase};
use driftless_core::ports::QueueName;
use driftless_core::protocol::{load_checkpoint, names};
use driftless_host::RandomIds;
use driftless_sandbox::server::{Sandbox, SandboxConfig, start};
use driftless_sandbox::store::{CopyFilter, CopyRow};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::binaries::binaries;
use super::emulator::{Account, Emulator};
use super::event_source::EventSource;
use super::fault_proxy::FaultProxy;
use super::lambda::{Function, Invoked, Lambda};
use super::template::Template;

/// Where the destination's token is.
const TOKEN_PARAMETER: &str = "/driftless/product/token";

/// A deployed stack.
pub struct Rig {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: Account,
    /// Its settings.
    pub settings: Settings,
    /// The operator's view of it.
    pub stack: Stack,
    /// The functions by name.
    pub functions: BTreeMap<String, Arc<Lambda>>,
    /// The destination.
    pub sandbox: Sandbox,
    /// Where logs are.
    pub logs: TempDir,
    /// Between the functions and AWS.
    pub proxy: FaultProxy,
    paused: BTreeMap<String, Arc<AtomicBool>>,
    pollers: Vec<JoinHandle<()>>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.pollers.iter().for_each(JoinHandle::abort);
    }
}

impl Rig {
    /// Deploys the stack. `None` where there is no emulator.
    pub async fn deploy(name: &str) -> Option<Self> {
        Self::deploy_with(name, true).await
    }

    /// Deploys the stack; without `notices` S3 tells nothing.
    pub async fn deploy_with(name: &str, notices: bool) -> Option<Self> {
        let account = Emulator::running()?.account();
        let template = Template::read();
        template.deploy(&account, name, &[("ExportsPrefix", "warehouse/")]).await;
        let published = published_settings(&account.config(), &format!("/driftless/{name}/settings")).await.unwrap();
        let settings = Settings::read(&published).unwrap();
        if !notices {
            let none = NotificationConfiguration::builder().build();
            let put = account.s3().put_bucket_notification_configuration().bucket(&settings.exports_bucket);
            put.notification_configuration(none).send().await.unwrap();
        }
        let ssm = aws_sdk_ssm::Client::new(&account.config());
        let token = ssm.put_parameter().name(TOKEN_PARAMETER).value("rig-token").overwrite(true);
        token.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
        let logs = TempDir::new().unwrap();
        let proxy = FaultProxy::start(&account.url).await;
        let mut environment = published.clone();
        environment.extend(aws_variables(&account, &proxy.url));
        environment.insert("DRIFTLESS_LOG".to_string(), "info".to_string());
        let definitions = template.functions();
        let functions: BTreeMap<String, Arc<Lambda>> = definitions
            .iter()
            .map(|definition| {
                let lambda = Lambda::new(Function {
                    name: format!("{name}-{}", definition.binary),
                    binary: binaries().join(&definition.binary),
                    environment: environment.clone(),
                    timeout: definition.timeout,
                    memory_mb: definition.memory_mb,
                    // As many as two processors can use.
                    concurrency: if definition.binary == "deliver" { 4 } else { 2 },
                    log: logs.path().join(format!("{}.log", definition.binary)),
                });
                (definition.binary.clone(), Arc::new(lambda))
            })
            .collect();
        let mut pollers = Vec::new();
        let mut paused: BTreeMap<String, Arc<AtomicBool>> = BTreeMap::new();
        let queues = [
            ("detect", &settings.queues.notices),
            ("plan", &settings.queues.plans),
            ("deliver", &settings.queues.batches),
        ];
        for (function, url) in queues {
            let definition = definitions.iter().find(|definition| definition.binary == function).unwrap();
            let source = EventSource {
                url: url.clone(),
                sqs: account.sqs(),
                lambda: functions[function].clone(),
                batch_size: definition.batch_size.unwrap(),
                paused: paused.entry(function.to_string()).or_default().clone(),
            };
            pollers.extend(source.start());
        }
        let stack = Stack::new(settings.clone(), &account.config(), true, 0).unwrap();
        let sandbox = start(SandboxConfig::local(0)).await.unwrap();
        Some(Self {
            name: name.to_string(),
            account,
            settings,
            stack,
            functions,
            sandbox,
            logs,
            proxy,
            paused,
            pollers,
        })
    }

    /// Publishes a project with these syncs.
    pub async fn publish(&self, syncs: &[(&str, &str)]) -> String {
        self.publish_project(self.project_file(), syncs).await
    }

    /// Publishes a project of the test's own.
    pub async fn publish_project(&self, project: String, syncs: &[(&str, &str)]) -> String {
        let mut files = BTreeMap::from([(PROJECT_FILE.to_string(), project)]);
        files.extend(syncs.iter().map(|(name, text)| (format!("syncs/{name}.yaml"), text.to_string())));
        let files = ConfigFiles(files);
        files.parse().expect("a configuration without problems");
        self.stack.config_store().publish(&files, &RandomIds::new()).await.unwrap().0
    }

    /// Runs the `driftless` command against the stack: exit code and standard output.
    pub async fn driftless(&self, arguments: &[&str]) -> (i32, String) {
        let began = Instant::now();
        let command = tokio::process::Command::new(binaries().join("driftless"))
            .env_clear()
            .envs(aws_variables(&self.account, &self.account.url))
            .args(["--stack", &self.name])
            .args(arguments)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(90), command).await.unwrap().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        eprintln!("driftless {arguments:?}: {:?}\n{err}", began.elapsed());
        (output.status.code().unwrap_or(-1), format!("{out}{err}"))
    }

    /// The same with the sandbox's Amplitude project, whose mutation files go to a bucket.
    pub fn amplitude_project_file(&self, mirror_bucket: &str) -> String {
        format!(
            "exports: s3://{}/{}\ndestinations:\n  product:\n    type: amplitude\n    api_key: \"ssm:{TOKEN_PARAMETER}\"\n    secret_key: \"ssm:{TOKEN_PARAMETER}\"\n    url: \"{}\"\n    mutation_files: {{ to: \"s3://{mirror_bucket}/mirror/\", window_minutes: 0 }}\n",
            self.settings.exports_bucket,
            self.settings.exports_prefix,
            self.sandbox.url()
        )
    }

    /// The project's own file, with the sandbox as destination.
    pub fn project_file(&self) -> String {
        format!(
            "exports: s3://{}/{}\ndestinations:\n  product: {{ type: mixpanel, token: \"ssm:{TOKEN_PARAMETER}\", url: \"{}\" }}\n",
            self.settings.exports_bucket,
            self.settings.exports_prefix,
            self.sandbox.url()
        )
    }

    /// Writes an export; S3 sends a notice.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let put = self.account.s3().put_object().bucket(&self.settings.exports_bucket);
        put.key(format!("{}{key}", self.settings.exports_prefix)).body(bytes.into().into()).send().await.unwrap();
    }

    /// Removes an export; S3 sends a notice.
    pub async fn remove(&self, key: &str) {
        let delete = self.account.s3().delete_object().bucket(&self.settings.exports_bucket);
        delete.key(format!("{}{key}", self.settings.exports_prefix)).send().await.unwrap();
    }

    /// Lets no message reach a function, or lets them again. What is under way goes on.
    pub fn pause(&self, function: &str, paused: bool) {
        self.paused[function].store(paused, Ordering::SeqCst);
    }

    /// Loses every message that waits in the queue of a function.
    pub async fn lose_messages(&self, queue: QueueName) {
        let url = self.settings.queues.of(queue);
        self.account.sqs().purge_queue().queue_url(url).send().await.unwrap();
    }

    /// Sends a message as it is.
    pub async fn send(&self, queue: QueueName, body: &str) {
        let url = self.settings.queues.of(queue);
        self.account.sqs().send_message().queue_url(url).message_body(body).send().await.unwrap();
    }

    /// Whether any function is at work.
    pub fn is_busy(&self) -> bool {
        self.functions.values().any(|function| function.is_busy())
    }

    /// An hour passes: leases and cool-downs of a sync are over. Only while nobody works.
    pub async fn let_an_hour_pass(&self, sync: &str) {
        let table = &self.stack.ports().table;
        let checkpoint = self.checkpoint(sync).await;
        let mut items = vec![(names::sync_partition(sync), names::CHECKPOINT.to_string())];
        for run in &checkpoint.runs {
            let claims = names::claims_partition(sync, run.run);
            let listed = table.list(&claims, "", 10_000).await.unwrap();
            items.extend(listed.into_iter().map(|(sort, _)| (claims.clone(), sort)));
        }
        for (partition, sort) in items {
            let Some(item) = table.get(&partition, &sort).await.unwrap() else { continue };
            let mut body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
            if age(&mut body) {
                let body = serde_json::to_vec(&body).unwrap();
                // Whoever writes meanwhile is right.
                let _ = table.put(&partition, &sort, Some(item.revision), "an hour later", &body).await.unwrap();
            }
        }
    }

    /// One tick of the schedule.
    pub async fn tick(&self) -> Invoked {
        self.functions["sweep"].invoke(&json!({})).await
    }

    /// One call of the HTTP API, as API Gateway makes it of a request to this route: status and answer.
    pub async fn call(&self, route: &str, request: serde_json::Value) -> (u64, serde_json::Value) {
        let mut event = json!({ "version": "2.0", "routeKey": route, "isBase64Encoded": false });
        for (name, value) in request.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        match self.functions["sync-now"].invoke(&event).await {
            Invoked::Answer(answer) => {
                let body = answer["body"].as_str().unwrap();
                (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
            }
            failed => {
                self.show_logs();
                panic!("{route}: {failed:?}")
            }
        }
    }

    /// A sync's checkpoint.
    pub async fn checkpoint(&self, sync: &str) -> Checkpoint {
        load_checkpoint(self.stack.ports(), sync).await.unwrap()
    }

    /// Waits until a sync has finished `runs` runs and nothing of it is under way. On a time-out it shows the logs.
    pub async fn finished(&self, sync: &str, runs: u64) {
        let began = Instant::now();
        loop {
            let checkpoint = self.checkpoint(sync).await;
            if checkpoint.last_run >= runs && checkpoint.runs.is_empty() && checkpoint.phase == Phase::Idle {
                return;
            }
            if began.elapsed() > Duration::from_secs(60) {
                self.show_logs();
                panic!("{sync} is not done: {checkpoint:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !holds().await {
            if began.elapsed() > Duration::from_secs(60) {
                self.show_logs();
                panic!("not in time: {what}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Prints what the functions wrote.
    pub fn show_logs(&self) {
        for function in self.functions.keys() {
            let log = std::fs::read_to_string(self.logs.path().join(format!("{function}.log"))).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(30).collect();
            println!("== {function}");
            last.iter().rev().for_each(|line| println!("{line}"));
        }
    }

    /// Sets what goes wrong at the destination, as its page does.
    pub async fn set_faults(&self, faults: serde_json::Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/sandbox/faults", self.sandbox.url());
        let body = faults.to_string();
        let sent = client.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.status());
    }

    /// Every copy that arrived, in order.
    pub fn copies(&self) -> Vec<CopyRow> {
        self.read(&CopyFilter::default())
    }

    /// What the destination shows: the latest copy of each identity, without deleted ones.
    pub fn visible(&self) -> Vec<CopyRow> {
        self.read(&CopyFilter { visible: true, hide_deleted: true, ..CopyFilter::default() })
    }

    fn read(&self, filter: &CopyFilter) -> Vec<CopyRow> {
        let store = self.sandbox.store();
        tokio::task::block_in_place(|| store.copies(filter, 0, usize::MAX >> 1)).unwrap()
    }
}

/// Brings every moment until which something waits an hour nearer; whether there was one.
fn age(body: &mut serde_json::Value) -> bool {
    const HOUR_MS: i64 = 3_600_000;
    let mut aged = false;
    match body {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_i64().filter(|moment| name.ends_with("_until_ms") && *moment > HOUR_MS) {
                    Some(moment) => (*value, aged) = (json!(moment - HOUR_MS), true),
                    None => aged |= age(value),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| aged |= age(value)),
        _ => {}
    }
    aged
}

/// Region, credentials and endpoint, as a function and an operator have them.
fn aws_variables(account: &Account, url: &str) -> [(String, String); 4] {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", account.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", url),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()))
}
