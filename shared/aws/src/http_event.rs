use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A request as an HTTP API of API Gateway hands it over, payload format 2.0
/// (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, 2026-11).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRequest {
    /// Method and path pattern, as `GET /syncs/{sync}/runs`; `$default` for what matches no route.
    pub route_key: String,
    /// Parts of the path, decoded.
    pub path_parameters: BTreeMap<String, String>,
    /// Query, decoded.
    pub query_string_parameters: BTreeMap<String, String>,
    /// Headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Option<String>,
    /// Whether the body is in base64, as it is for a content type that is not text.
    pub is_base64_encoded: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    /// Status.
    pub status_code: u16,
    /// Headers.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// Body.
    pub body: String,
}

impl HttpAnswer {
    /// JSON.
    pub fn json(status_code: u16, body: &serde_json::Value) -> Self {
        let headers = BTreeMap::from([("content-type", "application/json"), ("cache-control", "no-store")]);
        Self { status_code, headers, body: body.to_string() }
    }
}
