use driftless_core::ports::{Delivery, Response, TransportError};
use serde_json::Value;

use super::limits::THROTTLED_WAIT_MS;
use crate::answers::{response_of, safe_words};

/// What holds for every route of Amplitude: an answer with status 200, 400 or 429 has a body to be read, anything else
/// says by itself what to do (amplitude.com/docs/apis/analytics/http-v2, 2026-03-13: 503 was not applied, 500, 502 and
/// 504 may have been).
pub(super) fn read_status(answer: Result<Response, TransportError>) -> Result<Response, Delivery> {
    let response = response_of(answer)?;
    let status = response.status;
    Err(match status {
        200..=204 | 400 | 429 => return Ok(response),
        401 => refused_credentials(),
        403 => Delivery::Halt {
            cause: "Amplitude forbids the request (status 403)".into(),
            remedy: "check the keys and the region of the destination, and whether a firewall lies between".into(),
        },
        413 | 414 => Delivery::TooLarge,
        503 => {
            Delivery::RetryAfter { wait_ms: Some(THROTTLED_WAIT_MS), cause: "Amplitude is not available (503)".into() }
        }
        408 | 500..=599 => Delivery::Ambiguous { cause: format!("Amplitude answered with status {status}") },
        300..=399 => Delivery::Halt {
            cause: format!("Amplitude answers with a redirect (status {status}), which is never followed"),
            remedy: "check region and url of the destination".into(),
        },
        _ => Delivery::Halt {
            cause: format!("Amplitude answers with status {status}"),
            remedy: "check region and url of the destination".into(),
        },
    })
}

/// The keys are not the project's.
pub(super) fn refused_credentials() -> Delivery {
    Delivery::Halt {
        cause: "Amplitude refuses the credentials".into(),
        remedy: "check api_key, secret_key and region of the destination, then run driftless sync".into(),
    }
}

/// The reason that a body gives, without values of rows.
pub(super) fn error_of(body: Option<&Value>) -> String {
    let text = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str);
    safe_words(text("error").or(text("message")).unwrap_or("no reason given"))
}
