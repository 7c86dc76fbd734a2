//! A Lambda function as the service runs it: environments that ask a Runtime API for calls, get a deadline, are killed
//! when it passes, and start anew when they died (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, 2026-11).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How long a start may take (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, 2026-11).
const INIT_MAX: Duration = Duration::from_secs(10);

/// A function: its binary, settings and limits.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its environment, but for what Lambda itself sets.
    pub environment: BTreeMap<String, String>,
    /// Time-out.
    pub timeout: Duration,
    /// Memory in MB; billed, not enforced.
    pub memory_mb: u32,
    /// Calls at the same time.
    pub concurrency: usize,
    /// Where its log goes.
    pub log: PathBuf,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Invoked {
    /// It answered.
    Answer(Value),
    /// The function failed.
    Error(Value),
    /// Its time was over, and it was killed.
    TimedOut,
    /// The process ended.
    Crashed,
}

/// What a function cost and took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Calls.
    pub calls: u64,
    /// Time of all calls and starts.
    pub billed: Duration,
    /// Starts.
    pub starts: u64,
    /// The longest start, from the process's birth until it asks for its first call.
    pub longest_init: Duration,
    /// Largest resident size in KB.
    pub peak_kb: u64,
}

/// Runs the calls of a function in as many environments as are needed at once.
pub struct Lambda {
    /// The function.
    pub function: Function,
    idle: Mutex<Vec<Environment>>,
    /// Processes of calls that are under way.
    busy: Mutex<Vec<u32>>,
    slots: Semaphore,
    usage: Mutex<Usage>,
}

impl Lambda {
    /// Starts nothing yet.
    pub fn new(function: Function) -> Self {
        let slots = Semaphore::new(function.concurrency);
        Self { function, idle: Mutex::default(), busy: Mutex::default(), slots, usage: Mutex::default() }
    }

    /// Calls the function.
    pub async fn invoke(&self, payload: &Value) -> Invoked {
        let _slot = self.slots.acquire().await.unwrap();
        let idle = self.idle.lock().unwrap().pop();
        let mut environment = match idle {
            Some(environment) => environment,
            None => match Environment::start(&self.function).await {
                Some((environment, init)) => {
                    self.count(|usage| {
                        usage.starts += 1;
                        usage.billed += init;
                        usage.longest_init = usage.longest_init.max(init);
                    });
                    environment
                }
                None => return Invoked::Crashed,
            },
        };
        let process = environment.process;
        self.busy.lock().unwrap().push(process);
        let began = Instant::now();
        let invoked = environment.invoke(payload, self.function.timeout).await;
        let peak_kb = peak_kb(process);
        self.busy.lock().unwrap().retain(|busy| *busy != process);
        self.count(|usage| {
            usage.calls += 1;
            usage.billed += began.elapsed();
            usage.peak_kb = usage.peak_kb.max(peak_kb);
        });
        if matches!(invoked, Invoked::Answer(_) | Invoked::Error(_)) {
            self.idle.lock().unwrap().push(environment);
        }
        invoked
    }

    /// Kills the `n`th process at work, if there is one, as a crash of its machine would. Returns whether there was one.
    pub fn kill_busy(&self, n: usize) -> bool {
        let busy = self.busy.lock().unwrap();
        let Some(process) = (!busy.is_empty()).then(|| busy[n % busy.len()]) else { return false };
        let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status();
        killed.is_ok_and(|status| status.success())
    }

    /// Whether a call is under way.
    pub fn is_busy(&self) -> bool {
        !self.busy.lock().unwrap().is_empty()
    }

    /// What was used so far.
    pub fn usage(&self) -> Usage {
        *self.usage.lock().unwrap()
    }

    fn count(&self, change: impl FnOnce(&mut Usage)) {
        change(&mut self.usage.lock().unwrap());
    }
}

/// The largest resident size that the system counted for a process.
fn peak_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

struct Environment {
    child: Child,
    process: u32,
    calls: mpsc::Sender<Call>,
}

struct Call {
    id: String,
    deadline_ms: u128,
    payload: Vec<u8>,
    answer: oneshot::Sender<Invoked>,
}

struct RuntimeApi {
    calls: tokio::sync::Mutex<mpsc::Receiver<Call>>,
    open: Mutex<HashMap<String, oneshot::Sender<Invoked>>>,
    ready: Mutex<Option<oneshot::Sender<bool>>>,
}

impl Environment {
    /// Starts a process and waits until it asks for its first call; `None` if it ended or took too long instead.
    async fn start(function: &Function) -> Option<(Self, Duration)> {
        let (calls, received) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let api = Arc::new(RuntimeApi {
            calls: tokio::sync::Mutex::new(received),
            open: Mutex::default(),
            ready: Mutex::new(Some(ready)),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(api);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&function.log).unwrap();
        let began = Instant::now();
        let child = Command::new(&function.binary)
            .env_clear()
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "rig")
            .env("_HANDLER", "bootstrap")
            .env("TZ", ":UTC")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = child.id().unwrap();
        let is_ready = tokio::time::timeout(INIT_MAX, is_ready).await;
        matches!(is_ready, Ok(Ok(true))).then(|| (Self { child, process, calls }, began.elapsed()))
    }

    async fn invoke(&mut self, payload: &Value, timeout: Duration) -> Invoked {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (answer, answered) = oneshot::channel();
        let deadline = SystemTime::now() + timeout;
        let call = Call {
            id: format!("00000000-0000-4000-8000-{:012}", NEXT.fetch_add(1, Ordering::Relaxed)),
            deadline_ms: deadline.duration_since(UNIX_EPOCH).unwrap().as_millis(),
            payload: serde_json::to_vec(payload).unwrap(),
            answer,
        };
        if self.calls.send(call).await.is_err() {
            return Invoked::Crashed;
        }
        tokio::select! {
            answered = answered => answered.unwrap_or(Invoked::Crashed),
            _ = self.child.wait() => Invoked::Crashed,
            () = tokio::time::sleep(timeout) => {
                let _ = self.child.kill().await;
                Invoked::TimedOut
            }
        }
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    if let Some(ready) = api.ready.lock().unwrap().take() {
        let _ = ready.send(true);
    }
    let Some(call) = api.calls.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    api.open.lock().unwrap().insert(call.id.clone(), call.answer);
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", call.id),
        ("Lambda-Runtime-Deadline-Ms", call.deadline_ms.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:rig".to_string()),
        ("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0".to_string()),
    ];
    (headers, call.payload).into_response()
}

async fn response(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.answer(&id, Invoked::Answer(serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.answer(&id, Invoked::Error(serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

async fn init_error(State(api): State<Arc<RuntimeApi>>) -> StatusCode {
    if let Some(ready) = api.ready.lock().unwrap().take() {
        let _ = ready.send(false);
    }
    StatusCode::ACCEPTED
}

impl RuntimeApi {
    fn answer(&self, id: &str, invoked: Invoked) -> StatusCode {
        match self.open.lock().unwrap().remove(id) {
            Some(call) => {
                let _ = call.send(invoked);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}
