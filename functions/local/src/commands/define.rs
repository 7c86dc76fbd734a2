use driftless_core::config::{DestinationConfig, MixpanelConfig, ProfileHistoryConfig, Region};
use serde_json::{Value, json};

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::table;
use crate::project::{Access, OpenProject, Place};

/// Where properties of users and groups are defined.
struct Definitions<'a> {
    project: &'a OpenProject,
    destination: &'a str,
    /// `https://mixpanel.com/api/app/projects/7`
    url: String,
}

/// Tells Mixpanel which properties have a history, by the calls that mixpanel-import makes (its `recordType: scd`, commit
/// 8499494 of 2026-07). Each may be made again.
pub async fn run(place: &Place, name: &str, json: bool) -> Result<Exit, Failure> {
    let (project, progress) = open(place, Access::Look, json).await?;
    let (sync, _) = project.sync(name)?;
    let wrong = |cause: String| Failure::configuration(vec![cause]);
    let Some(history) = &sync.config.profile_history else {
        return Err(wrong(format!("{name} is of kind {}; only profile_history is defined", sync.config.kind.name())));
    };
    let destination = sync.config.destination.as_str();
    let DestinationConfig::Mixpanel(config) = &project.destinations[destination] else {
        return Err(wrong(format!("destination {destination} is not Mixpanel")));
    };
    let (Some(id), Some(_)) = (&config.project_id, &config.service_account) else {
        let cause = format!("destinations.{destination} needs project_id and service_account to define properties");
        return Err(wrong(cause));
    };
    let url = format!("{}/api/app/projects/{id}", host(config));
    let definitions = Definitions { project: &project, destination, url };
    let defined = definitions.define(history).await?;
    progress.clear();
    if json {
        print_json(&defined)?;
        return Ok(Exit::Done);
    }
    println!(
        "{name}: defined as the history {} (experimental: no documentation of Mixpanel promises it)",
        history.name
    );
    let mut rows = table(&["property", "type", "column", "id at Mixpanel"]);
    for (property, id) in &defined {
        let of = &history.properties[property];
        rows.add_row([property, of.kind.name(), &of.column, id]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}

fn host(config: &MixpanelConfig) -> &str {
    let host = match config.region {
        Region::Us => "https://mixpanel.com",
        Region::Eu => "https://eu.mixpanel.com",
        Region::In => "https://in.mixpanel.com",
    };
    config.url.as_deref().unwrap_or(host).trim_end_matches('/')
}

impl Definitions<'_> {
    /// Properties with the ids that Mixpanel gave them.
    async fn define(&self, history: &ProfileHistoryConfig) -> Result<Vec<(String, String)>, Failure> {
        let group = match &history.group_key {
            Some(group_key) => Some(self.group(group_key).await?),
            None => None,
        };
        let event = json!({ "name": history.name, "isScd": true, "hidden": true });
        let event = self.patch("events", &event).await?;
        let mut defined = Vec::new();
        for (name, property) in &history.properties {
            let mut body = json!({
                "name": format!("$scd:{name}"),
                "resourceType": "User",
                "scdEvent": event,
                "type": property.kind.name(),
            });
            if let Some(group) = &group {
                body["dataGroupId"] = json!(group);
            }
            defined.push((name.clone(), text(&self.patch("properties", &body).await?)));
        }
        Ok(defined)
    }

    /// What Mixpanel names a group key by: a signed 64-bit number, as text.
    async fn group(&self, group_key: &str) -> Result<String, Failure> {
        let url = format!("{}/data-groups/", self.url);
        let answer = self.project.http.get(self.destination, &url).await.map_err(|cause| self.failed(&cause))?;
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let groups = body["results"].as_array().into_iter().flatten();
        let mut found =
            groups.filter(|group| group["property_name"] == group_key).map(|group| text(&group["data_group_id"]));
        found.find(|id| !id.is_empty()).ok_or_else(|| {
            self.failed(&format!("the project has no group key {group_key}; add it in Mixpanel's project settings"))
        })
    }

    async fn patch(&self, resource: &str, body: &Value) -> Result<Value, Failure> {
        let url = format!("{}/data-definitions/{resource}", self.url);
        let http = &self.project.http;
        let answer =
            http.patch_json(self.destination, &url, body.to_string()).await.map_err(|cause| self.failed(&cause))?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        match &answer["results"]["id"] {
            Value::Null => Err(self.failed("the answer names no id")),
            id => Ok(id.clone()),
        }
    }

    fn failed(&self, cause: &str) -> Failure {
        Failure::failed(format!("{}: defining a history: {cause}", self.destination))
    }
}

fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| if id.is_null() { String::new() } else { id.to_string() }, String::from)
}
