//! `POST /identify` and `POST /groupidentify` as pure functions.
//!
//! Source: `amplitude.com/docs/apis/analytics/identify` and `…/group-identify`, read on 2026-03-13.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::form;
use super::limits::{MAX_DEPTH, MAX_IDENTIFIES, MAX_IDENTIFY_BYTES, MIN_ID_LENGTH, is_banned};
use crate::answer::Answer;

/// Whose properties.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The group type; empty for users.
    pub group_type: String,
    /// User id or group value.
    pub id: String,
}

/// One identification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identification {
    /// Whose properties.
    pub owner: Owner,
    /// `$set`, or plain keys.
    pub set: Map<String, Value>,
    /// `$setOnce`
    pub set_once: Map<String, Value>,
    /// `$unset`
    pub unset: Vec<String>,
}

impl Identification {
    /// The properties after it.
    pub fn apply(&self, properties: &mut Map<String, Value>) {
        properties.extend(self.set.clone());
        for (name, value) in &self.set_once {
            properties.entry(name.clone()).or_insert_with(|| value.clone());
        }
        for name in &self.unset {
            properties.remove(name);
        }
    }
}

/// Which route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/identify`
    Users,
    /// `/groupidentify`
    Groups,
}

impl Route {
    /// The path of the route.
    pub fn path(self) -> &'static str {
        match self {
            Self::Users => "/identify",
            Self::Groups => "/groupidentify",
        }
    }
}

/// Takes a request, or refuses it whole. Beside the answer: the API key and what is to be applied.
pub fn identify(
    route: Route,
    content_type: Option<&str>,
    body: &[u8],
) -> (Answer, Option<(String, Vec<Identification>)>) {
    match take(route, content_type, body) {
        Ok((api_key, all)) => {
            let body = json!({ "code": 200, "status": "success" });
            (Answer { status: 200, body, retry_after_s: None, events: all.len() }, Some((api_key, all)))
        }
        Err(answer) => (answer, None),
    }
}

fn refusal(status: u16, error: &str, events: usize) -> Answer {
    Answer { status, body: json!({ "code": status, "error": error }), retry_after_s: None, events }
}

fn take(route: Route, content_type: Option<&str>, body: &[u8]) -> Result<(String, Vec<Identification>), Answer> {
    if body.len() > MAX_IDENTIFY_BYTES {
        return Err(refusal(413, "Payload too large", 0));
    }
    if !content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(refusal(400, "missing_event", 0));
    }
    let api_key = form::field(body, "api_key").filter(|key| !key.is_empty());
    let api_key = api_key.ok_or_else(|| refusal(400, "invalid api_key", 0))?;
    let text = form::field(body, "identification").ok_or_else(|| refusal(400, "missing_event", 0))?;
    let all = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Array(all)) => all,
        Ok(one @ Value::Object(_)) => vec![one],
        _ => return Err(refusal(400, "missing_event", 0)),
    };
    if all.len() > MAX_IDENTIFIES {
        return Err(refusal(413, "Payload too large", all.len()));
    }
    let read: Option<Vec<_>> = all.iter().map(|one| identification(route, one)).collect();
    read.map(|read| (api_key, read)).ok_or_else(|| refusal(400, "invalid_identification", all.len()))
}

fn identification(route: Route, one: &Value) -> Option<Identification> {
    let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let (owner, properties) = match route {
        Route::Users => {
            let id = text("user_id").filter(|id| id.chars().count() >= MIN_ID_LENGTH)?;
            (Owner { group_type: String::new(), id }, one.get("user_properties")?)
        }
        Route::Groups => {
            let owner = Owner { group_type: text("group_type")?, id: text("group_value")? };
            (owner, one.get("group_properties")?)
        }
    };
    if is_banned(&owner.id) {
        return None;
    }
    let properties = properties.as_object()?;
    let is_operator = |name: &String| name.starts_with('$');
    if !properties.keys().any(is_operator) {
        let set = properties.clone();
        return Some(Identification { owner, set, set_once: Map::new(), unset: Vec::new() });
    }
    // Operators and plain keys cannot be mixed.
    if !properties.keys().all(|name| ["$set", "$setOnce", "$unset"].contains(&name.as_str())) {
        return None;
    }
    let of = |name: &str| match properties.get(name) {
        None => Some(Map::new()),
        Some(Value::Object(values)) if values.values().all(|value| depth_of(value) < MAX_DEPTH) => Some(values.clone()),
        Some(_) => None,
    };
    let unset = of("$unset")?.into_iter().map(|(name, _)| name).collect();
    Some(Identification { owner, set: of("$set")?, set_once: of("$setOnce")?, unset })
}

fn depth_of(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_applied_and_bad_ones_refuse_the_request() {
        let send = |json: &str| {
            let body = serde_urlencoded::to_string([("api_key", "k"), ("identification", json)]).unwrap();
            identify(Route::Users, Some("application/x-www-form-urlencoded"), body.as_bytes())
        };
        let (answer, taken) = send(r#"[{"user_id":"user-1","user_properties":{"$set":{"a":1},"$unset":{"b":"-"}}}]"#);
        assert_eq!(answer.status, 200);
        let mut properties = serde_json::from_str(r#"{"b":2,"c":3}"#).unwrap();
        taken.unwrap().1[0].apply(&mut properties);
        assert_eq!(Value::Object(properties), json!({ "c": 3, "a": 1 }));
        assert_eq!(send(r#"[{"user_id":"u","user_properties":{}}]"#).0.status, 400);
        assert_eq!(send(r#"[{"user_id":"user-1","user_properties":{"$set":{},"x":1}}]"#).0.status, 400);
    }
}
