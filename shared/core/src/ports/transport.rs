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
