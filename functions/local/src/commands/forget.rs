use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use driftless_core::config::{DestinationConfig, Region};
use driftless_core::ports::{Ports, Put};
use driftless_core::protocol::{load_checkpoint, names, suppress, suppressed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{open, print_json};
use crate::cli::{Exit, Failure};
use crate::output::{count, number, table};
use crate::project::{Access, OpenProject, Place};

/// Users in one request to Mixpanel: 1,999 or 2,000, its pages differ (docs.mixpanel.com/reference/gdpr-api, 2026-08-21).
const MIXPANEL_USERS: usize = 1_999;
/// Users in one request to Amplitude (amplitude.com/docs/apis/analytics/user-privacy, 2026-03-13).
const AMPLITUDE_USERS: usize = 100;
/// Both take one request a second.
const PAUSE: Duration = Duration::from_millis(1_100);
/// User ids in a file.
const USERS_MAX: usize = 1_000_000;
/// Days after its request in which an Amplitude job is looked for: it begins within 30.
const AMPLITUDE_DAYS: i64 = 31;
/// Requests listed in one page.
const PAGE: usize = 1_000;
const DAY_MS: i64 = 86_400_000;

/// A request to delete users, as it is kept: no user can be read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Filed {
    at_ms: i64,
    users: u64,
    /// Hashes of the users.
    hashes: Vec<String>,
    /// What Mixpanel names it by; Amplitude: the day on which it begins.
    tracking: String,
    status: String,
    is_done: bool,
}

/// Suppresses users, files the requests, or shows how far they are.
pub async fn run(
    place: &Place,
    mut users: Vec<String>,
    file: Option<PathBuf>,
    requester: &str,
    json: bool,
) -> Result<Exit, Failure> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(&file).map_err(|e| Failure::failed(format!("{}: {e}", file.display())))?;
        users.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from));
    }
    let users: Vec<String> = users.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    if users.len() > USERS_MAX {
        return Err(Failure::configuration(vec![format!("more than {USERS_MAX} users at once; split the file")]));
    }
    let access = if users.is_empty() { Access::Look } else { Access::Work };
    let (project, progress) = open(place, access, json).await?;
    if users.is_empty() {
        let shown = show(&project).await?;
        progress.clear();
        return shown_to(&project, shown, json).await;
    }
    // Nothing of them may go out after the destination has begun to delete.
    let all = suppress(&project.ports, &users).await?;
    let open_runs = open_runs(&project).await?;
    if !open_runs.is_empty() {
        progress.clear();
        return Err(Failure::failed(format!(
            "{} suppressed now, but {} planned before that and may still send of them; let it end with driftless sync (or reject it), then run driftless forget again to ask the destinations",
            count(users.len() as u64, "user"),
            open_runs.join(", ")
        )));
    }
    let hashes: BTreeMap<&String, String> = users.iter().map(|user| (user, all.hash(user))).collect();
    for (name, destination) in &project.destinations {
        let known = filed(&project.ports, name).await?;
        let asked: BTreeSet<&String> = known.values().flat_map(|filed| &filed.hashes).collect();
        let new: Vec<&String> = users.iter().filter(|user| !asked.contains(&hashes[*user])).collect();
        let at_once = match destination {
            DestinationConfig::Mixpanel(_) => MIXPANEL_USERS,
            DestinationConfig::Amplitude(_) => AMPLITUDE_USERS,
        };
        for (n, part) in new.chunks(at_once).enumerate() {
            if n > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let asked = ask(&project, name, destination, part, requester).await;
            let (tracking, status) = asked.map_err(|failure| {
                progress.clear();
                let cause = failure.lines.join("; ");
                Failure::failed(format!(
                    "{cause}. {} suppressed already: nothing of them is sent. Correct it and run driftless forget with them again, to ask {name}",
                    count(users.len() as u64, "user")
                ))
            })?;
            let request = Filed {
                at_ms: project.ports.clock.now_ms(),
                users: part.len() as u64,
                hashes: part.iter().map(|user| hashes[*user].clone()).collect(),
                tracking,
                status,
                is_done: false,
            };
            let number = format!("{:08}", known.len() + n);
            keep(&project.ports, name, &number, &request, None).await?;
        }
    }
    let shown = show(&project).await?;
    progress.clear();
    shown_to(&project, shown, json).await
}

async fn shown_to(project: &OpenProject, shown: Vec<(String, Filed)>, json: bool) -> Result<Exit, Failure> {
    let suppressed = suppressed(&project.ports).await?.count();
    if json {
        let requests: Vec<Value> = shown
            .iter()
            .map(|(name, filed)| {
                json!({ "destination": name, "users": filed.users, "tracking": filed.tracking, "status": filed.status, "done": filed.is_done, "asked_at_ms": filed.at_ms })
            })
            .collect();
        print_json(&json!({ "suppressed": suppressed, "requests": requests }))?;
        return Ok(Exit::Done);
    }
    println!("{} suppressed: nothing of them is sent", count(suppressed as u64, "user"));
    let mut rows = table(&["destination", "asked (UTC)", "users", "request", "status"]);
    for (name, filed) in &shown {
        let at = jiff::Timestamp::from_millisecond(filed.at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        rows.add_row([
            name.clone(),
            at.strftime("%Y-%m-%d %H:%M").to_string(),
            number(filed.users),
            filed.tracking.clone(),
            filed.status.clone(),
        ]);
    }
    println!("{rows}");
    let open = shown.iter().filter(|(_, filed)| !filed.is_done).count();
    if open > 0 {
        println!("{open} not done yet: both vendors take up to 30 days; look again with driftless forget");
    }
    println!("delete the users in the warehouse as well: the suppression here keeps them out, not the tables");
    Ok(Exit::Done)
}

/// Syncs with runs that were planned and are not done.
async fn open_runs(project: &OpenProject) -> Result<Vec<String>, Failure> {
    let mut open = Vec::new();
    for (name, (sync, ports)) in &project.syncs {
        if sync.config.is_of_users() {
            let checkpoint = load_checkpoint(ports, name).await.map_err(Failure::failed)?;
            open.extend(checkpoint.runs.first().map(|run| format!("run {} of {name} was", run.run.0)));
        }
    }
    Ok(open)
}

async fn filed(ports: &Ports, destination: &str) -> Result<BTreeMap<String, Filed>, Failure> {
    let partition = names::deletions_partition(destination);
    let mut all = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = ports.table.list(&partition, &after, PAGE).await?;
        let full = page.len() == PAGE;
        for (sort, item) in page {
            all.insert(sort.clone(), serde_json::from_slice(&item.body)?);
            after = sort;
        }
        if !full {
            return Ok(all);
        }
    }
}

async fn keep(
    ports: &Ports,
    destination: &str,
    number: &str,
    request: &Filed,
    revision: Option<u64>,
) -> Result<(), Failure> {
    let (partition, token) = (names::deletions_partition(destination), ports.ids.token());
    let put = ports.table.put(&partition, number, revision, &token, &serde_json::to_vec(request)?).await?;
    match put {
        Put::Done(_) => Ok(()),
        Put::Conflict(Some(item)) if item.token == token => Ok(()),
        Put::Conflict(_) => Err(Failure::failed("somebody else asks as well; run driftless forget again")),
    }
}

fn url_of(destination: &DestinationConfig) -> String {
    let (url, route) = match destination {
        DestinationConfig::Mixpanel(config) => {
            let host = match config.region {
                Region::Us => "https://mixpanel.com",
                Region::Eu => "https://eu.mixpanel.com",
                Region::In => "https://in.mixpanel.com",
            };
            (config.url.as_deref().unwrap_or(host), "/api/app/data-deletions/v3.0/")
        }
        DestinationConfig::Amplitude(config) => {
            let host = match config.region {
                Region::Eu => "https://analytics.eu.amplitude.com",
                Region::Us | Region::In => "https://amplitude.com",
            };
            (config.url.as_deref().unwrap_or(host), "/api/2/deletions/users")
        }
    };
    format!("{}{route}", url.trim_end_matches('/'))
}

/// Asks a destination to delete users. Gives what names the request, and its status.
async fn ask(
    project: &OpenProject,
    name: &str,
    destination: &DestinationConfig,
    users: &[&String],
    requester: &str,
) -> Result<(String, String), Failure> {
    let body = match destination {
        DestinationConfig::Mixpanel(_) => json!({ "distinct_ids": users, "compliance_type": "GDPR" }),
        // The page spells the flag both ways.
        DestinationConfig::Amplitude(_) => json!({
            "user_ids": users, "requester": requester, "ignore_invalid_id": true, "ignore_invalid_ids": true,
        }),
    };
    let failed = |cause: String| Failure::failed(format!("{name}: deletion request: {cause}; nothing more was asked"));
    let url = url_of(destination);
    let answer = project.http.privacy(name, &url, Some(body.to_string())).await.map_err(failed)?;
    let status = answer.status();
    let body: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
    if !status.is_success() {
        let said = body["error"].as_str().unwrap_or("no reason given");
        return Err(failed(format!("status {status}, {said}")));
    }
    let body = if let Value::Array(jobs) = &body { jobs.first().cloned().unwrap_or_default() } else { body };
    let (tracking, state) = match destination {
        DestinationConfig::Mixpanel(_) => {
            let results = &body["results"];
            let first = if results.is_array() { &results[0] } else { results };
            let tracking = first["task_id"].as_str().or(first["tracking_id"].as_str());
            (tracking, first["status"].as_str().unwrap_or("PENDING"))
        }
        DestinationConfig::Amplitude(_) => (body["day"].as_str(), body["status"].as_str().unwrap_or("Staging")),
    };
    let tracking = tracking.ok_or_else(|| failed("the answer names no request".to_string()))?;
    Ok((tracking.to_string(), state.to_string()))
}

/// Every request, with its status as the destination tells it now.
async fn show(project: &OpenProject) -> Result<Vec<(String, Filed)>, Failure> {
    let mut shown = Vec::new();
    for (name, destination) in &project.destinations {
        let partition = names::deletions_partition(name);
        for (number, mut request) in filed(&project.ports, name).await? {
            if !request.is_done {
                let status = status_of(project, name, destination, &request).await?;
                if status != request.status {
                    request.is_done = matches!(status.as_str(), "SUCCESS" | "Done");
                    request.status = status;
                    // Another process may have seen it first; what is shown is right all the same.
                    if let Some(item) = project.ports.table.get(&partition, &number).await? {
                        let token = project.ports.ids.token();
                        let body = serde_json::to_vec(&request)?;
                        let _ = project.ports.table.put(&partition, &number, Some(item.revision), &token, &body).await;
                    }
                }
            }
            shown.push((name.clone(), request));
        }
    }
    Ok(shown)
}

async fn status_of(
    project: &OpenProject,
    name: &str,
    destination: &DestinationConfig,
    request: &Filed,
) -> Result<String, Failure> {
    let url = match destination {
        DestinationConfig::Mixpanel(_) => format!("{}{}", url_of(destination), request.tracking),
        DestinationConfig::Amplitude(_) => {
            let day = |at_ms: i64| {
                let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                at.strftime("%Y-%m-%d").to_string()
            };
            let (start, end) = (day(request.at_ms), day(request.at_ms + AMPLITUDE_DAYS * DAY_MS));
            format!("{}?start_day={start}&end_day={end}", url_of(destination))
        }
    };
    let failed = |cause: String| Failure::failed(format!("{name}: status of a deletion request: {cause}"));
    let answer = project.http.privacy(name, &url, None).await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(failed(format!("status {}", answer.status())));
    }
    let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
    let status = match destination {
        DestinationConfig::Mixpanel(_) => body["results"]["status"].as_str(),
        DestinationConfig::Amplitude(_) => {
            let jobs = body.as_array().into_iter().flatten();
            jobs.filter(|job| job["day"].as_str() == Some(&request.tracking)).find_map(|job| job["status"].as_str())
        }
    };
    Ok(status.unwrap_or(&request.status).to_string())
}
