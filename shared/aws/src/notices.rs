use percent_encoding::percent_decode_str;
use serde_json::Value;

/// One object that a notice is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectNotice {
    /// Bucket.
    pub bucket: String,
    /// Key, decoded.
    pub key: String,
}

/// What a message of the notices queue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Look at this sync: a run of it was finished.
    Sync(String),
    /// Objects changed.
    Objects(Vec<ObjectNotice>),
    /// Nothing to look at: the test event that S3 sends when notifications are set up, or an event of another kind.
    Nothing,
}

/// How deep envelopes may be: EventBridge or SNS around S3's own event, and one more to spare.
const ENVELOPES_MAX: usize = 3;

/// Reads a message. S3's events come as they are, in an SNS envelope, or as EventBridge events; fields that are missing or
/// new do not matter. A notice only says where to look: one that cannot be read is made up for by sweep.
pub fn notice_of(body: &str) -> Notice {
    match serde_json::from_str::<Value>(body) {
        Ok(value @ Value::Object(_)) => objects_of(&value, ENVELOPES_MAX).map_or(Notice::Nothing, Notice::Objects),
        _ => Notice::Sync(body.to_string()),
    }
}

fn objects_of(value: &Value, envelopes: usize) -> Option<Vec<ObjectNotice>> {
    if let Some(records) = value.get("Records").and_then(Value::as_array) {
        return Some(records.iter().filter_map(|record| object_of(record.get("s3")?, true)).collect());
    }
    if let Some(detail) = value.get("detail") {
        // EventBridge does not encode the key.
        return object_of(detail, false).map(|object| vec![object]);
    }
    let inner = value.get("Message").and_then(Value::as_str).filter(|_| envelopes > 0)?;
    objects_of(&serde_json::from_str(inner).ok()?, envelopes - 1)
}

fn object_of(value: &Value, is_encoded: bool) -> Option<ObjectNotice> {
    let bucket = value.pointer("/bucket/name")?.as_str()?.to_string();
    let key = value.pointer("/object/key")?.as_str()?;
    let key = if is_encoded { form_decoded(key)? } else { key.to_string() };
    Some(ObjectNotice { bucket, key })
}

/// S3 writes keys as in a form: `+` is a blank, and a plus is `%2B`
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html, 2026-11).
fn form_decoded(key: &str) -> Option<String> {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|key| key.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects(keys: &[&str]) -> Notice {
        let object = |key: &&str| ObjectNotice { bucket: "exports".to_string(), key: key.to_string() };
        Notice::Objects(keys.iter().map(object).collect())
    }

    fn record(key: &str) -> Value {
        json!({"eventVersion": "2.6", "s3": {"bucket": {"name": "exports"}, "object": {"key": key, "size": 1}}})
    }

    #[test]
    fn every_record_counts_and_keys_are_decoded() {
        let event = json!({"Records": [record("a/red+flower%2B1%2F%C3%BC.csv"), record("b"), {"s3": {}}]});
        assert_eq!(notice_of(&event.to_string()), objects(&["a/red flower+1/ü.csv", "b"]));
    }

    #[test]
    fn envelopes_are_opened() {
        let event = json!({"Records": [record("a+b")]}).to_string();
        let sns = json!({"Type": "Notification", "Message": event}).to_string();
        assert_eq!(notice_of(&sns), objects(&["a b"]));
        let bridge = json!({"detail-type": "Object Created", "detail": {"bucket": {"name": "exports"}, "object": {"key": "a+b"}}});
        assert_eq!(notice_of(&bridge.to_string()), objects(&["a+b"]));
        let nested = json!({"Message": json!({"Message": json!({"Message": json!({"Message": sns}).to_string()}).to_string()}).to_string()});
        assert_eq!(notice_of(&nested.to_string()), Notice::Nothing);
    }

    #[test]
    fn other_messages_are_no_failure() {
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "exports"}).to_string();
        for body in [test.as_str(), "{}", r#"{"Records":"none"}"#, r#"{"Message":"{"}"#] {
            assert!(matches!(notice_of(body), Notice::Nothing), "{body}");
        }
        assert_eq!(notice_of("purchases"), Notice::Sync("purchases".to_string()));
    }
}
