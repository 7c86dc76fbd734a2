use driftless_core::ports::{Delivery, Refusal, Response, TransportError};
use serde_json::Value;

use crate::answers::{response_of, safe_words};

/// What an answer of `/import?strict=1` means. A partial 400 is a success with named exceptions: the valid events were
/// ingested (docs.mixpanel.com/reference/import-events, 2026-08-21). An answer that does not account for every line is
/// not believed: the same bytes go out again, which the insert_ids make harmless.
pub(super) fn read_answer(lines: u32, answer: Result<Response, TransportError>) -> Delivery {
    let response = match read_status(answer) {
        Ok(response) => response,
        Err(delivery) => return delivery,
    };
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    if response.status == 200 { accepted(lines, body.as_ref()) } else { partly(lines, body.as_ref()) }
}

/// What holds for every route: an answer with status 200 or 400 has a body to be read, anything else says by itself what
/// to do.
pub(super) fn read_status(answer: Result<Response, TransportError>) -> Result<Response, Delivery> {
    let response = response_of(answer)?;
    let status = response.status;
    Err(match status {
        200 | 400 => return Ok(response),
        401 | 403 => Delivery::Halt {
            cause: format!("Mixpanel refuses the credentials (status {status})"),
            remedy: "check the service account (role Owner or Admin), project_id and region of the destination, then run driftless sync".into(),
        },
        413 => Delivery::TooLarge,
        429 => Delivery::RetryAfter {
            wait_ms: response.retry_after_s.map(|s| i64::from(s) * 1_000),
            cause: "Mixpanel asks to slow down (429)".into(),
        },
        408 | 500..=599 => Delivery::Ambiguous { cause: format!("Mixpanel answered with status {status}") },
        300..=399 => Delivery::Halt {
            cause: format!("Mixpanel answers with a redirect (status {status}), which is never followed"),
            remedy: "check region and url of the destination".into(),
        },
        _ => Delivery::Halt {
            cause: format!("Mixpanel answers with status {status}"),
            remedy: "check region, url and project_id of the destination".into(),
        },
    })
}

/// The lines that an answer names as failed, if it names any and each of them by a line of the request.
pub(super) fn refusals_of(lines: u32, body: &Value) -> Option<Vec<Refusal>> {
    let failed = body.get("failed_records").and_then(Value::as_array)?;
    let mut refused = Vec::with_capacity(failed.len());
    for record in failed {
        let line = record.get("index").and_then(Value::as_u64).filter(|n| *n < u64::from(lines))?;
        refused.push(Refusal {
            line: line as u32,
            field: safe_words(record.get("field").and_then(Value::as_str).unwrap_or_default()),
            reason: safe_words(record.get("message").and_then(Value::as_str).unwrap_or("no reason given")),
        });
    }
    refused.sort_by_key(|refusal| refusal.line);
    refused.dedup_by_key(|refusal| refusal.line);
    (!refused.is_empty()).then_some(refused)
}

fn accepted(lines: u32, body: Option<&Value>) -> Delivery {
    let imported = body.and_then(|body| body.get("num_records_imported")).and_then(Value::as_u64);
    match imported {
        Some(imported) if imported == u64::from(lines) => Delivery::Accepted,
        Some(imported) => Delivery::Ambiguous {
            cause: format!("Mixpanel took {imported} of {lines} events and named none that failed"),
        },
        None => Delivery::Ambiguous { cause: "the answer is not Mixpanel's".into() },
    }
}

fn partly(lines: u32, body: Option<&Value>) -> Delivery {
    let Some(failed) = body.and_then(|body| body.get("failed_records")).and_then(Value::as_array) else {
        return Delivery::Halt {
            cause: format!("Mixpanel refuses the request as a whole (status 400): {}", safe_words(error_of(body))),
            remedy:
                "check project_id, region and id_merge of the destination; if they are right, report this as a defect"
                    .into(),
        };
    };
    if failed.is_empty() {
        return Delivery::Ambiguous { cause: "the answer does not account for every event".into() };
    }
    let Some(refused) = body.and_then(|body| refusals_of(lines, body)) else {
        let said = failed.iter().find_map(Value::as_str).unwrap_or(error_of(body));
        return Delivery::Halt {
            cause: format!("Mixpanel refuses the batch without naming events: {}", safe_words(said)),
            remedy: "check that the project's ID merge fits the mapping".into(),
        };
    };
    let imported = body.and_then(|body| body.get("num_records_imported")).and_then(Value::as_u64);
    if imported.is_some_and(|imported| imported + refused.len() as u64 != u64::from(lines)) {
        return Delivery::Ambiguous { cause: "the answer does not account for every event".into() };
    }
    Delivery::Partly(refused)
}

pub(super) fn error_of(body: Option<&Value>) -> &str {
    body.and_then(|body| body.get("error")).and_then(Value::as_str).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Delivery {
        read_answer(3, Ok(Response { status, retry_after_s: Some(7), body: body.to_string().into() }))
    }

    #[test]
    fn believes_only_answers_that_account_for_every_line() {
        assert_eq!(answer(200, r#"{"code":200,"num_records_imported":3,"status":"OK"}"#), Delivery::Accepted);
        assert!(matches!(answer(200, r#"{"num_records_imported":2}"#), Delivery::Ambiguous { .. }));
        assert!(matches!(answer(200, "<html>"), Delivery::Ambiguous { .. }));
        assert!(matches!(
            answer(400, r#"{"failed_records":[{"index":1,"message":"m"}],"num_records_imported":1}"#),
            Delivery::Ambiguous { .. }
        ));
    }

    #[test]
    fn a_partial_400_names_lines_whatever_the_id_key() {
        let body = r#"{"code":400,"error":"some data points in the request failed validation","failed_records":[
            {"index":2,"$insert_id":"x","field":"properties.time","message":"'properties.time' is invalid: must be specified as seconds since epoch"},
            {"index":0,"insert_id":"y","field":"","message":"user 'jane@example.com' 1234567890 unknown"}],"num_records_imported":1}"#;
        let Delivery::Partly(refused) = answer(400, body) else { panic!() };
        assert_eq!(refused.iter().map(|r| r.line).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(refused[1].reason, "properties.time is invalid: must be specified as seconds since epoch");
        assert_eq!(refused[0].reason, "user … … unknown");
    }

    #[test]
    fn every_other_status_says_what_to_do() {
        assert!(matches!(answer(400, r#"{"error":"bad"}"#), Delivery::Halt { .. }));
        assert!(matches!(
            answer(400, r#"{"failed_records":["$identify is not allowed"],"num_records_imported":0}"#),
            Delivery::Halt { .. }
        ));
        for status in [401, 403, 404, 302] {
            assert!(matches!(answer(status, "{}"), Delivery::Halt { .. }), "{status}");
        }
        for status in [408, 500, 502, 503, 504, 524] {
            assert!(matches!(answer(status, ""), Delivery::Ambiguous { .. }), "{status}");
        }
        assert_eq!(answer(413, ""), Delivery::TooLarge);
        assert!(matches!(answer(429, ""), Delivery::RetryAfter { wait_ms: Some(7_000), .. }));
    }
}
