//! The HTTP API of API Gateway in front of sync-now; it takes any signature: routes of the template, events of format 2.0.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::lambda::{Invoked, Lambda};
use super::template::Template;

/// The front; it ends with this.
pub struct HttpFront {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    server: JoinHandle<()>,
}

struct Shared {
    function: Arc<Lambda>,
    /// Method and path pattern.
    routes: Vec<(String, String)>,
}

impl Drop for HttpFront {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl HttpFront {
    /// In front of a function, with the routes of the template.
    pub async fn start(function: Arc<Lambda>) -> Self {
        let shared = Arc::new(Shared { function, routes: Template::read().routes() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(call).with_state(shared);
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, server }
    }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !headers.contains_key("authorization") {
        return (StatusCode::FORBIDDEN, axum::Json(json!({ "message": "Forbidden" }))).into_response();
    }
    let found = shared.routes.iter().find_map(|(verb, pattern)| {
        let parameters = (*verb == method.as_str()).then(|| parameters_of(pattern, uri.path()))??;
        Some((format!("{verb} {pattern}"), parameters))
    });
    // What matches no route never reaches the function
    // (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html, 2026-11).
    let Some((route, parameters)) = found else {
        return (StatusCode::NOT_FOUND, axum::Json(json!({ "message": "Not Found" }))).into_response();
    };
    let query = uri.query().unwrap_or_default();
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": uri.path(), "headers": headers, "isBase64Encoded": false,
        "requestContext": { "http": { "method": method.as_str(), "path": uri.path() } },
    });
    // Absent rather than empty.
    if !parameters.is_empty() {
        event["pathParameters"] = json!(parameters);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !body.is_empty() {
        match std::str::from_utf8(&body) {
            Ok(body) => event["body"] = json!(body),
            Err(_) => (event["body"], event["isBase64Encoded"]) = (json!("AAAA"), json!(true)),
        }
    }
    match shared.function.invoke(&event).await {
        Invoked::Answer(answer) => answer_of(&answer),
        failed => (StatusCode::INTERNAL_SERVER_ERROR, format!("{failed:?}")).into_response(),
    }
}

fn answer_of(answer: &Value) -> Response {
    let body = answer["body"].as_str().unwrap_or_default().to_string();
    let mut response = body.into_response();
    *response.status_mut() =
        StatusCode::from_u16(u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap()).unwrap();
    for (name, value) in answer["headers"].as_object().unwrap() {
        let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
        response.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    response
}

/// The parts of a path that a pattern such as `/runs/{run}/approve` names, decoded; `None` if it does not match.
fn parameters_of(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let (pattern, path): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    if pattern.len() != path.len() {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for (expected, part) in pattern.into_iter().zip(path) {
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if part.is_empty() => return None,
            Some(name) => {
                let decoded = percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
                parameters.insert(name.to_string(), decoded);
            }
            None if expected != part => return None,
            None => {}
        }
    }
    Some(parameters)
}
