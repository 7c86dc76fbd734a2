//! Stands between the functions and the emulator: counts requests by service and operation, and lets some go wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service says that it is too much for it, in its own words.
    Throttled,
    /// The service fails.
    ServerError,
    /// The service does it, and the answer is lost.
    LostAnswer,
    /// DynamoDB does nothing of a batch and says so.
    Unprocessed,
}

/// Which requests go wrong.
#[derive(Clone, Copy, Debug)]
pub struct FaultRule {
    /// Service and operation, such as `DynamoDB.UpdateItem` or `S3.PUT`; a part of it is enough.
    pub operation: &'static str,
    /// Every so manieth of them.
    pub every: u64,
    /// How.
    pub fault: Fault,
}

/// The proxy; it ends with this.
pub struct FaultProxy {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    rules: Mutex<Vec<(FaultRule, u64)>>,
    requests: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<u64>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FaultProxy {
    /// In front of `upstream`, without faults.
    pub async fn start(upstream: &str) -> Self {
        let shared = Arc::new(Shared {
            upstream: upstream.to_string(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            rules: Mutex::default(),
            requests: Mutex::default(),
            faults: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Parts of a ledger and exports are larger than what axum takes by itself.
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(shared.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, shared, server }
    }

    /// From now on these go wrong.
    pub fn set(&self, rules: &[FaultRule]) {
        *self.shared.rules.lock().unwrap() = rules.iter().map(|rule| (*rule, 0)).collect();
    }

    /// Requests so far by service and operation, attempts that went wrong included.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many went wrong.
    pub fn faults(&self) -> u64 {
        *self.shared.faults.lock().unwrap()
    }
}

impl Shared {
    fn fault_of(&self, operation: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap();
        for (rule, seen) in rules.iter_mut().filter(|(rule, _)| operation.contains(rule.operation)) {
            *seen += 1;
            if *seen % rule.every == 0 {
                *self.faults.lock().unwrap() += 1;
                return Some(rule.fault);
            }
        }
        None
    }
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let operation = operation_of(&method, &uri, &headers);
    *shared.requests.lock().unwrap().entry(operation.clone()).or_default() += 1;
    let fault = shared.fault_of(&operation);
    match fault {
        Some(Fault::Throttled) => return throttled(&operation),
        Some(Fault::ServerError) => return (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response(),
        Some(Fault::Unprocessed) => return unprocessed(&body),
        Some(Fault::LostAnswer) | None => {}
    }
    headers.remove("host");
    let url = format!("{}{uri}", shared.upstream);
    let sent = shared.client.request(method, url).headers(headers).body(body).send().await;
    let (status, headers, body) = match sent {
        Ok(answer) => (answer.status(), answer.headers().clone(), answer.bytes().await),
        Err(error) => return (axum::http::StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let Ok(body) = body else { return axum::http::StatusCode::BAD_GATEWAY.into_response() };
    if fault == Some(Fault::LostAnswer) {
        // A body that breaks off breaks the connection.
        let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("lost"))]);
        return Response::new(Body::from_stream(broken));
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    // The body is whole here, whatever it came as.
    response.headers_mut().remove("transfer-encoding");
    response
}

/// `DynamoDB.UpdateItem`, `SQS.SendMessageBatch`, `Events.PutEvents`; of S3 the method, and `S3.LIST`.
fn operation_of(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if let Some((service, operation)) = target.split_once('.') {
        let service = match service.split('_').next().unwrap_or_default() {
            "AmazonSQS" => "SQS",
            "AWSEvents" => "Events",
            service => service,
        };
        return format!("{service}.{operation}");
    }
    let is_list = uri.query().is_some_and(|query| query.contains("list-type="));
    if is_list { "S3.LIST".to_string() } else { format!("S3.{method}") }
}

fn throttled(operation: &str) -> Response {
    let json = |code: &str| {
        let body = json!({ "__type": code, "message": "too much for now" }).to_string();
        (axum::http::StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body).into_response()
    };
    match operation.split('.').next().unwrap_or_default() {
        "DynamoDB" => json("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        "SQS" => json("com.amazonaws.sqs#RequestThrottled"),
        "S3" => {
            let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
            (axum::http::StatusCode::SERVICE_UNAVAILABLE, [("content-type", "application/xml")], body).into_response()
        }
        _ => json("ThrottlingException"),
    }
}

/// A batch of which nothing was done.
fn unprocessed(request: &[u8]) -> Response {
    let request: Value = serde_json::from_slice(request).unwrap();
    let items = &request["RequestItems"];
    let is_write = items.as_object().is_some_and(|tables| tables.values().all(Value::is_array));
    let answer = if is_write {
        json!({ "UnprocessedItems": items })
    } else {
        json!({ "Responses": {}, "UnprocessedKeys": items })
    };
    ([("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response()
}
