use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};

/// How long the emulator may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// Runs the emulator until standard input ends, which it does when the test process ends, however it ends. Then the whole
/// group goes: the emulator, and function processes that it started.
const UNTIL_INPUT_ENDS: &str = r#""$0" </dev/null & cat >/dev/null; kill -9 0"#;

/// The AWS emulator (ministack), one for all tests of a process, on a free port of 127.0.0.1.
pub struct Emulator {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    _child: Child,
}

impl Emulator {
    /// The running emulator; starts it first. `None` if it is not installed on a developer's machine; in CI that is a
    /// failure.
    pub fn running() -> Option<&'static Self> {
        static RUNNING: OnceLock<Option<Emulator>> = OnceLock::new();
        RUNNING.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let program = tool("aws", "ministack");
        if !program.exists() {
            assert!(std::env::var_os("CI").is_none(), "{} is not there", program.display());
            eprintln!("SKIPPED: no AWS emulator at {}; .ci/tools installs it", program.display());
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = Command::new("sh");
        command
            .args(["-c", UNTIL_INPUT_ENDS])
            .arg(program)
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("GATEWAY_PORT", port.to_string())
            .env("LOG_LEVEL", "WARNING")
            .env("SERVICES", "s3,sqs,dynamodb,events,secretsmanager,ssm,cloudformation,iam,sts,lambda,logs,scheduler")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let child = command.spawn().expect("the emulator starts");
        let began = Instant::now();
        while !is_healthy(port) {
            assert!(began.elapsed() < START_MAX, "the emulator does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { url: format!("http://127.0.0.1:{port}"), _child: child })
    }

    /// A fresh account: its queues and tables are its own.
    pub fn account(&self) -> Account {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = 100_000_000_000 + u64::from(std::process::id()) * 1_000 + NEXT.fetch_add(1, Ordering::Relaxed);
        Account { url: self.url.clone(), id: number.to_string() }
    }
}

/// Where `.ci/tools` installs a program.
pub fn tool(environment: &str, program: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("DRIFTLESS_CACHE").map(PathBuf::from).or_else(home).unwrap_or_default();
    cache.join(format!("driftless-{environment}-venv/bin/{program}"))
}

fn is_healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 12];
    stream.write_all(b"GET /_ministack/health HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"200")
}

/// An account of the emulator.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where its services are.
    pub url: String,
    /// Twelve digits.
    pub id: String,
}

impl Account {
    /// What a client is made of.
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new(&self.id, "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(10)))
            .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(TokioSleep))
            .build()
    }

    /// S3, by path instead of by host name.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config()).force_path_style(true).build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config())
    }

    /// SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config())
    }

    /// A table as the template declares it.
    pub async fn table(&self, name: &str) -> String {
        let key = |name: &str, key_type| {
            KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().expect("a key")
        };
        let attribute = |name: &str| {
            let text = ScalarAttributeType::S;
            AttributeDefinition::builder().attribute_name(name).attribute_type(text).build().expect("an attribute")
        };
        let create = self.dynamodb().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        create
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .send()
            .await
            .expect("a table");
        name.to_string()
    }

    /// A bucket; names are global, so the account's number is in it.
    pub async fn bucket(&self, name: &str) -> String {
        let name = format!("{name}-{}", self.id);
        self.s3().create_bucket().bucket(&name).send().await.expect("a bucket");
        name
    }

    /// A queue's URL.
    pub async fn queue(&self, name: &str) -> String {
        let created = self.sqs().create_queue().queue_name(name).send().await.expect("a queue");
        created.queue_url.expect("its URL")
    }
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_dynamodb::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_dynamodb::config::Sleep {
        aws_sdk_dynamodb::config::Sleep::new(tokio::time::sleep(duration))
    }
}
