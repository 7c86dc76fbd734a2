//! What any route answers.

use serde_json::Value;

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u32>,
    /// How many events the request held; 0 when it was refused before they were counted.
    pub events: usize,
}
