use async_trait::async_trait;
use bytes::Bytes;

/// One HTTP request to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the destination, by which the transport finds the credentials: the core never sees a secret.
    pub destination: String,
    /// Method.
    pub method: &'static str,
    /// Full URL.
    pub url: String,
    /// Headers, without credentials.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Bytes,
    /// Where the credentials go.
    pub sign_in: SignIn,
    /// When to give up waiting.
    pub timeout_ms: i64,
}

/// Where a transport puts the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// HTTP Basic.
    Basic,
    /// The body is lines of JSON objects: the transport sends them as one array, in which each object begins with the
    /// project's token under this name.
    TokenInEach(&'static str),
    /// The body is lines of JSON objects: the transport sends them as the `events` of one object that begins with the
    /// project's `api_key`, compressed if the headers say so.
    ApiKeyInBody {
        /// `options.min_id_length`, if it is not the destination's own.
        min_id_length: Option<u32>,
    },
    /// The body is lines of JSON objects: the transport sends a form of `api_key` and, under this name, one array.
    ApiKeyInForm(&'static str),
    /// HTTP Basic with `api_key` and `secret_key`.
    ApiKeyBasic,
    /// No HTTP: the body becomes the object or file that the URL names, with the sender's own permissions.
    Object,
}

/// The body of [`SignIn::TokenInEach`].
pub fn array_with_token(name: &str, token: &str, lines: &[u8]) -> Vec<u8> {
    let field = format!("{{{}:{},", serde_json::Value::from(name), serde_json::Value::from(token));
    let mut body = Vec::with_capacity(lines.len() + lines.len() / 4 + 2);
    body.push(b'[');
    for object in lines.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"{")) {
        if body.len() > 1 {
            body.push(b',');
        }
        body.extend_from_slice(field.as_bytes());
        body.extend_from_slice(object);
    }
    body.push(b']');
    body
}

/// The body of [`SignIn::ApiKeyInBody`].
pub fn events_with_key(api_key: &str, min_id_length: Option<u32>, lines: &[u8]) -> Vec<u8> {
    let mut body = format!("{{\"api_key\":{}", serde_json::Value::from(api_key)).into_bytes();
    if let Some(length) = min_id_length {
        body.extend_from_slice(format!(",\"options\":{{\"min_id_length\":{length}}}").as_bytes());
    }
    body.extend_from_slice(b",\"events\":");
    body.reserve(lines.len() + 2);
    push_array(lines, &mut body);
    body.push(b'}');
    body
}

/// The body of [`SignIn::ApiKeyInForm`].
pub fn form_with_key(name: &str, api_key: &str, lines: &[u8]) -> String {
    let mut array = Vec::with_capacity(lines.len() + 2);
    push_array(lines, &mut array);
    form_urlencoded::Serializer::new(String::new())
        .append_pair("api_key", api_key)
        .append_pair(name, &String::from_utf8_lossy(&array))
        .finish()
}

fn push_array(lines: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    let objects = lines.strip_suffix(b"\n").unwrap_or(lines);
    let start = out.len();
    out.extend_from_slice(objects);
    // Objects of one line each have no other line ends.
    out[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
    out.push(b']');
}

/// An answer. Its body is bounded by the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Seconds of a Retry-After header.
    pub retry_after_s: Option<u32>,
    /// Body.
    pub body: Bytes,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent.
    #[error("no connection: {0}")]
    NotSent(String),
    /// It was or may have been sent: it may have been applied, or may be later.
    #[error("no answer: {0}")]
    Ambiguous(String),
    /// The credentials cannot be had.
    #[error("{0}")]
    Credentials(String),
}

/// HTTP. Follows no redirect.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends once.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
