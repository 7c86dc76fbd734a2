//! From Amplitude to Mixpanel: raw exports of Amplitude, as `driftless init --from amplitude` reads them, to the sandbox and
//! back, every event, user and group accounted for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};

use common::{Project, real_data};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn gzip(lines: &[Value]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        writeln!(encoder, "{line}").unwrap();
    }
    encoder.finish().unwrap()
}

/// The project that init writes, with the sandbox as its destination.
fn project() -> Project {
    let project = Project::new();
    let yaml = std::fs::read_to_string(project.path("driftless.yaml")).unwrap();
    std::fs::remove_file(project.path("driftless.yaml")).unwrap();
    project.run(&["init", "--from", "amplitude"]).exits(0).says(&["syncs/amplitude_events.yaml", "exports/amplitude"]);
    project.write("driftless.yaml", yaml);
    project
}

/// A web tracker's events as Amplitude would export them.
fn amplitude_rows(csv: &[u8]) -> Vec<Value> {
    let mut reader = csv::Reader::from_reader(csv);
    let headers = reader.headers().unwrap().clone();
    let place = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (id, at, device, country, url, title) = (
        place("event_id"),
        place("collector_tstamp"),
        place("domain_userid"),
        place("geo_country"),
        place("page_url"),
        place("page_title"),
    );
    reader
        .records()
        .enumerate()
        .map(|(n, record)| {
            let record = record.unwrap();
            let at = record[at].trim_end_matches("+00:00").to_string();
            let company = format!("company-{}", n % 7);
            json!({
                // Most are legal at Mixpanel, some are too long, some are missing.
                "$insert_id": match n % 10 {
                    0 => json!(format!("{}-{}", &record[id], &record[id])),
                    1 => Value::Null,
                    _ => json!(&record[id]),
                },
                "uuid": format!("uuid-{n}"),
                "event_type": if n % 50 == 0 { "$identify" } else if n % 3 == 0 { "Page Viewed" } else { "Web Vitals" },
                "event_time": at,
                "client_event_time": at,
                "server_upload_time": "2023-03-02 00:00:00.000000",
                "user_id": if n % 4 == 0 { Value::Null } else { json!(format!("user-{}", n % 90)) },
                "device_id": &record[device],
                "amplitude_id": n,
                "country": &record[country],
                "os_name": "Android",
                "platform": "Web",
                "library": "amplitude-js",
                "event_properties": { "url": &record[url], "title": &record[title], "n": n },
                "user_properties": { "plan": if n % 2 == 0 { "pro" } else { "free" }, "seen": n },
                "groups": { "company": [company.clone()], "team": ["blue"] },
                "group_properties": { "company": { company: { "seats": n } } },
            })
        })
        .collect()
}

#[test]
fn every_event_user_and_group_is_accounted_for() {
    let Some(file) = real_data("snowplow/snowplow_web_vital_events.csv") else { return };
    let rows = amplitude_rows(&std::fs::read(file).unwrap());
    let project = project();
    // Hours as files, the rest as a zip of the Export API; one hour comes twice.
    for (hour, part) in rows[..600].chunks(200).enumerate() {
        project.export(&format!("amplitude/187520_2023-03-01_{hour}#0.json.gz"), gzip(part));
    }
    project.export("amplitude/187520_2023-03-01_9#0.json.gz", gzip(&rows[100..300]));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (hour, part) in rows[600..].chunks(250).enumerate() {
        zip.start_file(format!("187520/187520_2023-03-02_{hour}#0.json.gz"), SimpleFileOptions::default()).unwrap();
        zip.write_all(&gzip(part)).unwrap();
    }
    project.export("amplitude/export.zip", zip.finish().unwrap().into_inner());

    project.run(&["plan", "amplitude_events"]).exits(4).says(&["read as append feed"]);
    // The tracker's last row has no time: it is quarantined, and the balance says so.
    project.run(&["sync"]).exits(4);

    let timed: Vec<&Value> = rows.iter().filter(|row| row["event_time"] != "").collect();
    assert_eq!((rows.len(), timed.len()), (1_001, 1_000));
    let kept: Vec<&Value> = timed.iter().copied().filter(|row| row["event_type"] != "$identify").collect();
    let events = project.events();
    assert_eq!(events.len(), kept.len());
    let by_number: BTreeMap<u64, &Value> =
        events.iter().map(|event| (event["properties"]["n"].as_u64().unwrap(), event)).collect();
    for row in &kept {
        let n = row["event_properties"]["n"].as_u64().unwrap();
        let event = by_number[&n];
        let properties = &event["properties"];
        assert_eq!(event["event"], row["event_type"]);
        assert_eq!(properties["url"], row["event_properties"]["url"]);
        assert_eq!(properties["mp_country_code"], row["country"]);
        assert_eq!(properties["$os"], "Android");
        assert_eq!(properties["$device_id"], row["device_id"]);
        assert_eq!(properties.get("$user_id"), row.get("user_id").filter(|user| !user.is_null()));
        assert!(properties.get("uuid").is_none() && properties.get("amplitude_id").is_none());
        let insert_id = properties["$insert_id"].as_str().unwrap();
        if n % 10 > 1 {
            assert_eq!(insert_id, row["$insert_id"], "a legal id is kept");
        } else {
            assert_eq!(insert_id.len(), 32, "{insert_id}");
        }
    }
    let distinct: BTreeSet<&str> = events.iter().filter_map(|e| e["properties"]["$insert_id"].as_str()).collect();
    assert_eq!(distinct.len(), kept.len());

    // Each user as the latest event says.
    let mut users: BTreeMap<String, (&str, &Value)> = BTreeMap::new();
    let mut companies: BTreeMap<String, (&str, u64)> = BTreeMap::new();
    for row in timed {
        let at = row["event_time"].as_str().unwrap();
        if let Some(user) = row["user_id"].as_str() {
            let known = users.entry(user.to_string()).or_insert((at, row));
            if at >= known.0 {
                *known = (at, row);
            }
        }
        let company = row["groups"]["company"][0].as_str().unwrap();
        let seats = row["group_properties"]["company"][company]["seats"].as_u64().unwrap();
        let known = companies.entry(company.to_string()).or_insert((at, seats));
        if at >= known.0 {
            *known = (at, seats);
        }
    }
    let profiles: BTreeMap<String, Value> = project.profiles("").into_iter().collect();
    assert_eq!(profiles.len(), users.len());
    for (user, (_, row)) in &users {
        assert_eq!(profiles[user]["seen"], row["user_properties"]["seen"], "{user}");
        assert_eq!(profiles[user]["plan"], row["user_properties"]["plan"], "{user}");
        assert!(profiles[user].get("event_type").is_none());
    }
    let groups: BTreeMap<String, Value> = project.profiles("company").into_iter().collect();
    let found: BTreeMap<&String, u64> = groups.iter().map(|(id, p)| (id, p["seats"].as_u64().unwrap())).collect();
    assert_eq!(found, companies.iter().map(|(id, (_, seats))| (id, *seats)).collect());

    // The balance sheet: all rows in, and all that should be there counted there.
    let sheet = project.run(&["verify", "amplitude_events", "--balance", "--json"]).exits(0).json();
    let sum = |name: &str| -> u64 {
        sheet["balance"]["days"].as_array().unwrap().iter().map(|day| day[name].as_u64().unwrap()).sum()
    };
    assert_eq!(sheet["balance"]["rows"], 1_201);
    assert_eq!(sheet["balance"]["rejected"], json!({ "time_missing": 1 }));
    assert_eq!((sum("rows"), sum("filtered"), sum("repeated")), (1_200, 20 + 4, 200 - 4));
    assert_eq!((sum("expected"), sum("there")), (kept.len() as u64, kept.len() as u64));
    project.run(&["verify", "amplitude_events", "--balance"]).exits(0).says(&[
        "balance of 1,201 rows",
        "Web Vitals",
        "Page Viewed",
        "rejected before sending, time_missing: 1 rows",
    ]);
    project.run(&["verify", "amplitude_users"]).exits(0);

    // Again: nothing is sent.
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
}

#[test]
fn what_comes_along_is_chosen() {
    let project = project();
    let row = |n: u64, name: &str, user: &str| {
        json!({
            "$insert_id": format!("i{n}"), "uuid": format!("u{n}"), "event_type": name, "user_id": user,
            "event_time": format!("2024-0{}-01 00:00:00.000000", 1 + n % 3),
            "event_properties": { "price": n, "secret": "x" },
        })
    };
    let rows: Vec<Value> =
        (0..300).map(|n| row(n, if n % 2 == 0 { "Bought" } else { "Looked" }, &format!("user-{n}"))).collect();
    project.export("amplitude/1_2024-01-01_0#0.json.gz", gzip(&rows));
    for name in ["amplitude_users", "amplitude_companies"] {
        std::fs::remove_file(project.path(&format!("syncs/{name}.yaml"))).unwrap();
    }
    let yaml = std::fs::read_to_string(project.path("syncs/amplitude_events.yaml")).unwrap();
    let yaml = yaml
        .replace("  # json_fields: { only: [], exclude: [] } ", "  json_fields: { exclude: [secret] } ")
        .replace("  # events: [Purchase Completed] ", "  events: [Bought] ")
        .replace("  # users_percent: 5 ", "  users_percent: 50 ")
        .replace("# window: { from: 2024-01-01, until: 2026-01-01 }", "window: { from: 2024-02-01 }");
    project.write("syncs/amplitude_events.yaml", yaml);
    project.run(&["sync"]).exits(0);
    let events = project.events();
    // Half of 150, of which two in three are within the window.
    assert!((30..70).contains(&events.len()), "{}", events.len());
    for event in &events {
        assert_eq!(event["event"], "Bought");
        assert!(event["properties"].get("secret").is_none());
        assert!(event["properties"]["time"].as_i64().unwrap() >= 1_706_745_600_000);
    }
    let sheet = project.run(&["verify", "amplitude_events", "--balance", "--json"]).exits(0).json();
    assert_eq!(sheet["compared"]["equal"], events.len());
}
