use driftless_core::ports::{Delivery, Response, TransportError};
use serde_json::Value;

use super::answer::{error_of, read_status, refusals_of};
use crate::answers::safe_words;

/// What an answer of `/engage` or `/groups` with `strict=1&verbose=1` means. Status 200 says nothing by itself: the body
/// is `1`, or JSON with `status` 1, if the updates are valid, and 0 if some are not
/// (docs.mixpanel.com/reference/profile-set, 2026-08-21). The shape of a strict answer that names updates is not
/// documented; where none is named, halves are sent again until one is left. All updates may be applied twice.
pub(super) fn read_profile_answer(lines: u32, answer: Result<Response, TransportError>) -> Delivery {
    let response = match read_status(answer) {
        Ok(response) => response,
        Err(delivery) => return delivery,
    };
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return Delivery::Ambiguous { cause: "the answer is not Mixpanel's".into() };
    };
    if let Some(named) = refusals_of(lines, &body) {
        return Delivery::Partly(named);
    }
    let is_valid = match &body {
        Value::Number(number) => number.as_u64().map(|number| number == 1),
        Value::Object(fields) => match fields.get("status") {
            Some(Value::Number(status)) => status.as_u64().map(|status| status == 1),
            Some(Value::String(status)) => Some(status == "OK"),
            _ => None,
        },
        _ => None,
    };
    let good = ["num_good_events", "num_records_imported"].iter().find_map(|name| body.get(name)?.as_u64());
    let reason = || {
        let said = safe_words(error_of(Some(&body)));
        if said == "no reason given" { "Mixpanel finds it invalid and gives no reason".to_string() } else { said }
    };
    match (response.status, is_valid) {
        (200, Some(true)) if good.is_none_or(|good| good == u64::from(lines)) => Delivery::Accepted,
        (200, Some(_)) => Delivery::Split { reason: reason() },
        (200, None) => Delivery::Ambiguous { cause: "the answer is not Mixpanel's".into() },
        _ => Delivery::Halt {
            cause: format!("Mixpanel refuses the request as a whole (status 400): {}", reason()),
            remedy: "check token and region of the destination; if they are right, report this as a defect".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Delivery {
        read_profile_answer(3, Ok(Response { status, retry_after_s: None, body: body.to_string().into() }))
    }

    #[test]
    fn the_body_decides() {
        for all in ["1", r#"{"status":1,"error":null}"#, r#"{"code":200,"status":"OK","num_good_events":3}"#] {
            assert_eq!(answer(200, all), Delivery::Accepted, "{all}");
        }
        for some in ["0", r#"{"status":0,"error":"some data is invalid"}"#, r#"{"status":1,"num_good_events":2}"#] {
            assert!(matches!(answer(200, some), Delivery::Split { .. }), "{some}");
        }
        let named = r#"{"code":400,"error":"some data points failed","failed_records":[{"index":1,"message":"bad"}]}"#;
        assert!(matches!(answer(400, named), Delivery::Partly(refused) if refused.len() == 1 && refused[0].line == 1));
        assert!(matches!(answer(200, "<html>"), Delivery::Ambiguous { .. }));
        assert!(matches!(answer(400, r#"{"error":"x","status":0}"#), Delivery::Halt { .. }));
        assert!(matches!(answer(401, "{}"), Delivery::Halt { .. }));
        assert_eq!(answer(413, ""), Delivery::TooLarge);
    }
}
