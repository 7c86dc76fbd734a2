//! `POST /engage` and `POST /groups` as a pure function: request in, valid updates and answer out.
//!
//! Source: the ingestion OpenAPI file, `docs.mixpanel.com/reference/profile-set`, `…/profile-batch-update`,
//! `…/user-profile-limits` and `docs.mixpanel.com/docs/data-structure/user-profiles`, read on 2026-08-21.

use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::decode::{self, Refusal};
use super::import::parameter;
use super::limits::{
    MAX_BODY_BYTES, MAX_EVENTS, MAX_PROFILE_PROPERTIES, MAX_STRING_BYTES, MAX_UPDATE_BYTES, is_banned_id,
};

/// Which profiles a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileRoute {
    /// `/engage`
    Users,
    /// `/groups`
    Groups,
}

impl ProfileRoute {
    /// The path of the route.
    pub fn path(self) -> &'static str {
        match self {
            Self::Users => "/engage",
            Self::Groups => "/groups",
        }
    }
}

/// Whose profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileKey {
    /// The group key; empty for users.
    pub group_key: String,
    /// distinct_id or group id.
    pub id: String,
}

/// What an update does.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileChange {
    /// `$set`
    Set(Map<String, Value>),
    /// `$set_once`
    SetOnce(Map<String, Value>),
    /// `$unset`
    Unset(Vec<String>),
    /// `$delete`
    Delete,
}

/// One valid update.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileUpdate {
    /// The project's token.
    pub token: String,
    /// Whose profile.
    pub key: ProfileKey,
    /// What it does.
    pub change: ProfileChange,
}

impl ProfileUpdate {
    /// What a profile becomes by it.
    pub fn apply(&self, profile: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
        let mut properties = profile.unwrap_or_default();
        match &self.change {
            ProfileChange::Delete => return None,
            ProfileChange::Set(set) => properties.extend(set.clone()),
            ProfileChange::SetOnce(set) => {
                for (name, value) in set {
                    properties.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            ProfileChange::Unset(names) => names.iter().for_each(|name| drop(properties.remove(name))),
        }
        Some(properties)
    }
}

/// Answers a request. Each valid update goes to `accept` in the order of the request. Without `verbose=1` or `strict=1`
/// the body is the number 1 if all are valid, else 0. The shape of a strict answer is not documented: here it is that of
/// an import.
pub fn profiles(
    route: ProfileRoute,
    query: &[(String, String)],
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    accept: &mut dyn FnMut(ProfileUpdate),
) -> Answer {
    if content_encoding.is_some_and(|encoding| !encoding.is_empty() && encoding != "identity") {
        return answer::unreadable("this endpoint takes no compressed body");
    }
    let updates = match decode::events(content_type, None, body) {
        Ok(updates) => updates,
        Err(Refusal::TooLarge) => return answer::too_large(MAX_BODY_BYTES),
        Err(Refusal::TooMany) => return answer::too_many(MAX_EVENTS),
        Err(Refusal::Unreadable(error)) => return answer::unreadable(&error),
    };
    let mut failed = Vec::new();
    for (index, update) in updates.iter().enumerate() {
        match update_of(route, update) {
            Ok(update) => accept(update),
            Err(message) => failed.push(json!({ "index": index, "message": message })),
        }
    }
    let good = updates.len() - failed.len();
    let is_on = |name| parameter(query, name) == Some("1");
    let status = if failed.is_empty() { 1 } else { 0 };
    let (code, body) = if is_on("strict") && !failed.is_empty() {
        let error = "some data points in the request failed validation";
        (400, json!({"code": 400, "error": error, "status": 0, "num_good_events": good, "failed_records": failed}))
    } else if is_on("verbose") || is_on("strict") {
        let error = (!failed.is_empty()).then_some("some data points in the request failed validation");
        (200, json!({ "status": status, "error": error, "num_good_events": good }))
    } else {
        (200, json!(status))
    };
    Answer { status: code, body, retry_after_s: None, events: updates.len() }
}

const OPERATIONS: [&str; 8] = ["$set", "$set_once", "$unset", "$delete", "$add", "$append", "$union", "$remove"];

fn update_of(route: ProfileRoute, update: &Value) -> Result<ProfileUpdate, String> {
    let fields = update.as_object().ok_or("update is not an object")?;
    if update.to_string().len() > MAX_UPDATE_BYTES {
        return Err(format!("update exceeds max limit of {MAX_UPDATE_BYTES} bytes"));
    }
    let text = |name: &str| {
        let value = fields.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("'{name}' is missing, empty or no string")).map(str::to_owned)
    };
    let token = text("$token")?;
    let key = match route {
        ProfileRoute::Users => ProfileKey { group_key: String::new(), id: text("$distinct_id")? },
        ProfileRoute::Groups => ProfileKey { group_key: text("$group_key")?, id: text("$group_id")? },
    };
    if is_banned_id(&key.id) || key.id.len() > MAX_STRING_BYTES {
        return Err("the id is not valid".to_owned());
    }
    let mut operations = OPERATIONS.iter().filter(|name| fields.contains_key(**name));
    let (Some(operation), None) = (operations.next(), operations.next()) else {
        return Err("an update has exactly one operation".to_owned());
    };
    let value = &fields[*operation];
    let object = || {
        let object = value.as_object().ok_or_else(|| format!("'{operation}' is not an object"))?;
        if object.len() > MAX_PROFILE_PROPERTIES {
            return Err(format!("'{operation}' has more than {MAX_PROFILE_PROPERTIES} properties"));
        }
        Ok(object.clone())
    };
    let change = match *operation {
        "$set" => ProfileChange::Set(object()?),
        "$set_once" => ProfileChange::SetOnce(object()?),
        "$unset" => {
            let names = value.as_array().ok_or("'$unset' is not an array")?;
            let names: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
            ProfileChange::Unset(names.ok_or("'$unset' holds something else than names")?)
        }
        "$delete" => ProfileChange::Delete,
        other => return Err(format!("'{other}' is not supported by this sandbox")),
    };
    Ok(ProfileUpdate { token, key, change })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(route: ProfileRoute, strict: bool, body: &Value) -> (Answer, Vec<ProfileUpdate>) {
        let mut taken = Vec::new();
        let query = if strict { vec![("strict".to_owned(), "1".to_owned())] } else { Vec::new() };
        let body = body.to_string();
        let answer = profiles(route, &query, None, None, body.as_bytes(), &mut |update| taken.push(update));
        (answer, taken)
    }

    #[test]
    fn updates_merge_and_deletes_remove() {
        let of = |op: &str, value: Value| json!({"$token": "t", "$distinct_id": "u", op: value});
        let body = json!([
            of("$set", json!({"a": 1, "b": 2})),
            of("$unset", json!(["a"])),
            of("$set_once", json!({"b": 9, "c": 3}))
        ]);
        let (answer, taken) = send(ProfileRoute::Users, false, &body);
        assert_eq!((answer.status, answer.body), (200, json!(1)));
        let profile = taken.iter().fold(None, |profile, update| update.apply(profile));
        assert_eq!(Value::from(profile.clone().unwrap()), json!({"b": 2, "c": 3}));
        let (_, taken) = send(ProfileRoute::Users, false, &json!([of("$delete", json!(""))]));
        assert_eq!(taken[0].apply(profile), None);
    }

    #[test]
    fn what_is_wrong_is_told_in_the_body_and_the_rest_is_taken() {
        let good = json!({"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": {}});
        for wrong in [
            json!({"$token": "t", "$group_id": "acme", "$set": {}}),
            json!({"$group_key": "company", "$group_id": "acme", "$set": {}}),
            json!({"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": {}, "$unset": []}),
            json!({"$token": "t", "$group_key": "company", "$group_id": "null", "$set": {}}),
            json!({"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": 7}),
        ] {
            let (answer, taken) = send(ProfileRoute::Groups, false, &json!([good, wrong]));
            assert_eq!((answer.status, &answer.body, taken.len()), (200, &json!(0), 1), "{wrong}");
            let (answer, _) = send(ProfileRoute::Groups, true, &json!([good, wrong]));
            assert_eq!((answer.status, &answer.body["failed_records"][0]["index"]), (400, &json!(1)), "{wrong}");
        }
        let (answer, _) = send(ProfileRoute::Users, false, &json!("no"));
        assert_eq!(answer.status, 400);
    }
}
