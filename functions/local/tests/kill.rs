//! The process is killed again and again while the destination fails now and then: nothing is lost, nothing is there twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use common::Project;
use serde_json::json;

/// Decides when the process is killed and which requests fail; any number must do.
const SEED: u64 = 20_250_301;
const KILLS: u64 = 12;

const ACCOUNTS: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: accounts/, feed: change, op: { column: op }, order: { column: version } }
events:
  name: { value: Account }
  time: { column: at }
  user_id: user
  insert_id: id
  exclude: [op, version]
";
const CLICKS: &str = "\
destination: product
kind: events
mode: append
source: { prefix: clicks/ }
events:
  name: { value: Click }
  time: { column: at }
  user_id: user
  insert_id: id
";
const ORDERS: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: orders/, feed: snapshot, complete: sync_now }
events:
  name: { value: Order }
  time: { column: at }
  user_id: user
  insert_id: id
";

/// What should be there: by event and id, the value and the day of the month.
type World = BTreeMap<(&'static str, u64), (u64, u64)>;

#[test]
fn killed_again_and_again_it_ends_equal() {
    let project =
        Project::new().sync_yaml("accounts", ACCOUNTS).sync_yaml("clicks", CLICKS).sync_yaml("orders", ORDERS);
    let mut world = World::new();
    first_exports(&project, &mut world);
    project.run(&["sync"]).exits(0);
    assert_eq!(seen(&project), world);

    second_exports(&project, &mut world);
    let faults = json!({"seed": SEED, "rate_429": 0.06, "rate_5xx": 0.04, "lost_answer": 0.04, "latency_ms": 120, "retry_after_s": 1});
    project.post("/sandbox/faults", &faults);
    let mut kills = 0;
    for n in 0..KILLS {
        let mut child = project.spawn(&["sync"]);
        // Ever later, so that each start of the work and each end of it is hit.
        std::thread::sleep(Duration::from_millis(30 + mixed(SEED + n) % (60 * (n + 1))));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "it was over after {kills} kills; make the work larger");

    project.run(&["sync"]).exits(0);
    assert_eq!(seen(&project), world, "no row is lost, none is there twice, none is foreign");
    for sync in ["accounts", "clicks", "orders"] {
        project.run(&["verify", sync]).exits(0).says(&["0 missing or different, 0 surplus"]);
        for run in project.run(&["runs", sync, "--json"]).exits(0).json().as_array().unwrap() {
            let count = |name: &str| run["counts"][name].as_u64().unwrap();
            assert_eq!(run["status"], "finished", "{run}");
            let outcomes = ["accepted", "unchanged", "duplicate", "coalesced", "rejected", "filtered"].map(count);
            assert_eq!(count("read"), outcomes.iter().sum::<u64>(), "every row read is accounted for: {run}");
        }
    }
}

/// 60,000 rows.
fn first_exports(project: &Project, world: &mut World) {
    for file in 0..4 {
        let mut text = String::new();
        for id in (file..20_000).step_by(4) {
            account(&mut text, world, "insert", 1, id, id % 7, 1 + id % 28);
        }
        project.export(&format!("accounts/{file}.jsonl"), text);
    }
    for file in 0..5 {
        clicks(project, world, file, file * 5_000..(file + 1) * 5_000);
    }
    orders(project, world, |id| Some((id % 11, 1 + id % 28)), 15_000);
}

/// Changes of every kind, duplicates among new facts, and a snapshot with edits, gaps and new rows.
fn second_exports(project: &Project, world: &mut World) {
    for file in 0..3 {
        let mut text = String::new();
        for id in (file..18_000).step_by(3) {
            match id % 9 {
                // An update, and for some of them another after it.
                0..=3 => {
                    account(&mut text, world, "update", 2, id, 100 + id % 5, 1 + id % 28);
                    if id % 2 == 0 {
                        account(&mut text, world, "update", 3, id, 200 + id % 5, 1 + id % 28);
                    }
                }
                4 | 5 => account(&mut text, world, "delete", 2, id, 0, 1),
                // Another day is another identity.
                6 => account(&mut text, world, "update", 2, id, id % 7, 1 + (id + 9) % 28),
                // Gone and back.
                7 => {
                    account(&mut text, world, "delete", 2, id, 0, 1);
                    account(&mut text, world, "insert", 3, id, 300, 1 + id % 28);
                }
                _ => account(&mut text, world, "insert", 1, 20_000 + id, 400, 1 + id % 28),
            }
        }
        project.export(&format!("accounts/later_{file}.jsonl"), text);
    }
    // 3,000 of these are known.
    for file in 5..9 {
        clicks(project, world, file, file * 5_000 - 3_000..(file + 1) * 5_000 - 3_000);
    }
    world.retain(|(event, _), _| *event != "Order");
    let changed = |id: u64| match id % 20 {
        0 => None,
        1..=4 => Some((900 + id % 3, 1 + id % 28)),
        5 => Some((id % 11, 1 + (id + 3) % 28)),
        _ => Some((id % 11, 1 + id % 28)),
    };
    orders(project, world, changed, 16_000);
}

fn account(text: &mut String, world: &mut World, op: &str, version: u64, id: u64, value: u64, day: u64) {
    let _ = writeln!(
        text,
        r#"{{"op":"{op}","version":{version},"id":"a{id}","user":"u{}","at":"2025-03-{day:02}T10:00:00Z","v":{value}}}"#,
        id % 997
    );
    match op {
        "delete" => drop(world.remove(&("Account", id))),
        _ => drop(world.insert(("Account", id), (value, day))),
    }
}

fn clicks(project: &Project, world: &mut World, file: u64, ids: std::ops::Range<u64>) {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(b"id,user,at,v\n").unwrap();
    for id in ids {
        let (value, day) = (id % 13, 1 + id % 28);
        writeln!(zipped, "c{id},u{},2025-03-{day:02}T11:00:00Z,{value}", id % 997).unwrap();
        world.insert(("Click", id), (value, day));
    }
    project.export(&format!("clicks/{file}.csv.gz"), zipped.finish().unwrap());
}

fn orders(project: &Project, world: &mut World, row: impl Fn(u64) -> Option<(u64, u64)>, rows: u64) {
    for file in 0..3 {
        let mut text = "id,user,at,v\n".to_string();
        for id in (file..rows).step_by(3) {
            let Some((value, day)) = row(id) else { continue };
            let _ = writeln!(text, "o{id},u{},2025-03-{day:02}T12:00:00Z,{value}", id % 997);
            world.insert(("Order", id), (value, day));
        }
        project.export(&format!("orders/{file}.csv"), text);
    }
}

/// What is there. Two visible events of one id fail at once.
fn seen(project: &Project) -> World {
    let mut seen = World::new();
    for event in project.events() {
        let name = ["Account", "Click", "Order"].into_iter().find(|name| event["event"] == *name).unwrap();
        let properties = &event["properties"];
        let id = properties["id"].as_str().unwrap()[1..].parse().unwrap();
        // 2025-03-01 is day 20,148 since 1970.
        let day = (properties["time"].as_i64().unwrap() / 86_400_000 - 20_147) as u64;
        let before = seen.insert((name, id), (properties["v"].as_u64().unwrap_or(u64::MAX), day));
        assert_eq!(before, None, "{name} {id} is there twice");
    }
    seen
}

/// splitmix64
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
