//! Exports that nobody here wrote, through the real command to a sandbox and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use common::{Project, csv_text, real_data};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

type Table = (Vec<String>, Vec<Vec<String>>);

/// Header and records, read without any code of the product.
fn read_csv(bytes: &[u8]) -> Table {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().unwrap().iter().map(String::from).collect();
    let records = reader.records().map(|record| record.unwrap().iter().map(String::from).collect()).collect();
    (header, records)
}

fn write_csv((header, records): &Table) -> Vec<u8> {
    csv_text(std::iter::once(header).chain(records))
}

/// Whether a CSV field and what came back say the same: numbers by value, the rest by letter. Mixpanel keeps 255 bytes of a text.
fn says_the_same(field: &str, came_back: &Value) -> bool {
    match came_back {
        Value::Number(number) => field.parse::<f64>().ok() == number.as_f64(),
        Value::Bool(yes) => field.eq_ignore_ascii_case(if *yes { "true" } else { "false" }),
        Value::String(text) if text.len() < 252 => text == field || same_moment(text, field),
        Value::String(text) => text.len() <= 255 && field.starts_with(text.as_str()),
        _ => false,
    }
}

/// `2023-03-01 06:16:09.201000+00:00` and `2023-03-01T06:16:09.201Z`
fn same_moment(a: &str, b: &str) -> bool {
    let moment = |text: &str| {
        let text = text.trim_end_matches('Z').trim_end_matches("+00:00").replace('T', " ");
        let plain = text.len() >= 19 && text.as_bytes()[4] == b'-';
        plain.then(
            || if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text },
        )
    };
    moment(a).is_some() && moment(a) == moment(b)
}

/// `2023-03-01 06:16:09.201000+00:00` or `2018-01-01` as milliseconds.
fn time_ms(text: &str) -> i64 {
    let text = text.trim_end_matches("+00:00").replace(' ', "T");
    let text = if text.contains('T') { text } else { format!("{text}T00:00:00") };
    let moment: jiff::civil::DateTime = text.parse().unwrap();
    moment.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond()
}

const SNOWPLOW: &str = "\
destination: product
kind: events
mode: append
source: { prefix: snowplow/ }
events:
  name: { column: event_name }
  time: { column: collector_tstamp }
  user_id: domain_userid
  insert_id: event_id
";

#[test]
fn snowplow_events_arrive_once_and_say_what_the_csv_says() {
    let Some(path) = real_data("snowplow/snowplow_web_vital_events.csv") else { return };
    let bytes = fs::read(path).unwrap();
    let project = Project::new().sync_yaml("web", SNOWPLOW);
    project.export("snowplow/events.csv", &bytes);

    // 1,000 events, and one junk row that has no id, name, time or user.
    project.sync().exits(4).counts(&[
        ("counts/read", 1_001),
        ("counts/accepted", 1_000),
        ("counts/rejected", 1),
        ("settled/events_sent", 1_000),
    ]);
    project.run(&["failures", "web"]).exits(4).says(&[
        "snowplow/events.csv row 1001, column event_id",
        "is empty",
        "events.insert_id",
    ]);

    project.sync().exits(0).counts(&[("counts/read", 0), ("settled/events_sent", 0)]);
    project.run(&["sync"]).exits(0).says(&["web: nothing new, 0 events sent"]);

    // Under another name it is another export: its rows are known, and its junk row is junk again.
    project.export("snowplow/renamed.csv", &bytes);
    project.sync().exits(4).counts(&[
        ("counts/read", 1_001),
        ("counts/duplicate", 1_000),
        ("counts/rejected", 1),
        ("settled/events_sent", 0),
        ("settled/requests", 0),
    ]);
    project.run(&["verify", "web"]).exits(0).says(&["1,000 rows in the exports, 1,000 equal", "0 missing"]);

    let (header, records) = read_csv(&bytes);
    let by_id: BTreeMap<&str, &Vec<String>> = records
        .iter()
        .map(|record| (field(&header, record, "event_id"), record))
        .filter(|(id, _)| !id.is_empty())
        .collect();
    let copies = project.copies();
    assert_eq!((by_id.len(), copies.len()), (1_000, 1_000), "every event once, not one copy more");
    for event in copies {
        let properties = &event["properties"];
        let record = by_id[properties["event_id"].as_str().unwrap()];
        let source = |name| field(&header, record, name);
        assert_eq!(event["event"].as_str(), Some(source("event_name")));
        assert_eq!(properties["time"].as_i64(), Some(time_ms(source("collector_tstamp"))));
        assert_eq!(properties["distinct_id"].as_str(), Some(source("domain_userid")));
        for (name, value) in header.iter().zip(record) {
            if value.is_empty() {
                assert!(
                    properties.get(name).is_none(),
                    "{name} is empty in the CSV, but came back as {}",
                    properties[name]
                );
            } else if !matches!(name.as_str(), "event_name" | "collector_tstamp" | "domain_userid") {
                assert!(says_the_same(value, &properties[name]), "{name}: {value} came back as {}", properties[name]);
            }
        }
    }
}

fn field<'a>(header: &[String], record: &'a [String], name: &str) -> &'a str {
    &record[header.iter().position(|column| column == name).unwrap()]
}

const ORDERS: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: orders/, feed: snapshot, complete: sync_now }
events:
  name: { value: Order Placed }
  time: { column: order_date }
  user_id: user_id
  insert_id: id
  exclude: [internal_note]
";

/// The jaffle orders, sent.
fn with_orders() -> Option<(Project, Table)> {
    let path = real_data("jaffle/raw_orders.csv")?;
    let bytes = fs::read(path).unwrap();
    let project = Project::new().sync_yaml("orders", ORDERS);
    project.export("orders/orders.csv", &bytes);
    let orders = read_csv(&bytes);
    let rows = orders.1.len() as u64;
    project.sync().exits(0).counts(&[("plan/inserts", rows), ("settled/events_sent", rows)]);
    Some((project, orders))
}

#[test]
fn a_second_snapshot_sends_exactly_the_difference() {
    let Some((project, (header, mut records))) = with_orders() else { return };
    let rows = records.len();
    records.retain(|record| !matches!(record[0].as_str(), "7" | "50"));
    for record in records.iter_mut().filter(|record| matches!(record[0].as_str(), "3" | "20" | "99")) {
        record[3] = "refunded".into();
    }
    records.push(["1000", "5", "2018-04-30", "placed"].map(String::from).into());
    records.reverse();
    let second = records.split_off(40);
    project.remove("orders/orders.csv");
    project.export("orders/b.csv", write_csv(&(header.clone(), records)));
    project.export("orders/a.csv", write_csv(&(header, second)));

    let synced = project.sync().exits(0).counts(&[
        ("plan/inserts", 1),
        ("plan/updates", 3),
        ("plan/identity_changes", 0),
        ("plan/deletes", 2),
        ("counts/deleted_by_absence", 2),
        ("settled/events_sent", 6),
    ]);
    assert_eq!(synced.sum("counts/unchanged"), rows as u64 - 5);
    let deleted: BTreeSet<_> =
        project.tombstones().iter().map(|event| event["properties"]["distinct_id"].to_string()).collect();
    assert_eq!(project.tombstones().len(), 2);
    assert_eq!(deleted.len(), 2, "of two users");
    let events = project.events();
    assert_eq!(events.len(), rows - 1);
    let refunded = events.iter().filter(|event| event["properties"]["status"] == "refunded");
    assert_eq!(
        refunded.map(|event| event["properties"]["id"].as_i64().unwrap()).collect::<BTreeSet<_>>(),
        [3, 20, 99].into()
    );
    assert_eq!(project.copies().len(), rows + 6);
    project.run(&["verify", "orders"]).exits(0).says(&["0 missing or different, 0 surplus"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
}

#[test]
fn columns_that_come_go_and_move_send_nothing() {
    let Some((project, (header, records))) = with_orders() else { return };
    let with = |extra: &str, value: &str| -> Table {
        let header = header.iter().cloned().chain([extra.to_string()]).collect();
        (header, records.iter().map(|r| r.iter().cloned().chain([value.to_string()]).collect()).collect())
    };
    let reversed: Table =
        (header.iter().rev().cloned().collect(), records.iter().map(|r| r.iter().rev().cloned().collect()).collect());
    for (what, table) in [
        ("an empty column more", with("coupon", "")),
        ("an excluded column more", with("internal_note", "do not call")),
        ("the excluded column gone", (header.clone(), records.clone())),
        ("columns in another order", reversed),
    ] {
        project.export("orders/orders.csv", write_csv(&table));
        let synced = project.sync().exits(0);
        assert_eq!(synced.sum("settled/events_sent"), 0, "{what}\n{}", synced.ran);
    }
    project.run(&["verify", "orders"]).exits(0);
}

#[test]
fn an_edited_time_is_a_tombstone_and_a_new_event() {
    let Some((project, (header, mut records))) = with_orders() else { return };
    let before = project.events().len();
    records[9][2] = "2018-06-30".into();
    project.export("orders/orders.csv", write_csv(&(header, records.clone())));
    project.sync().exits(0).counts(&[("plan/updates", 1), ("plan/identity_changes", 1), ("settled/events_sent", 2)]);
    let events = project.events();
    assert_eq!((events.len(), project.tombstones().len()), (before, 1));
    let moved: Vec<_> = events.iter().filter(|event| event["properties"]["id"] == 10).collect();
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0]["properties"]["time"].as_i64(), Some(time_ms("2018-06-30")));
    assert_ne!(moved[0]["properties"]["$insert_id"], project.tombstones()[0]["properties"]["$insert_id"]);
    project.run(&["verify", "orders"]).exits(0);
}

/// A row of a change feed, in words.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    op: String,
    version: i64,
    columns: BTreeMap<String, String>,
}

impl Change {
    fn is_there(&self) -> bool {
        matches!(self.op.as_str(), "insert" | "update_postimage")
    }

    fn id(&self) -> &str {
        &self.columns["id"]
    }
}

/// Reads a Parquet file row by row, without any code of the product.
fn changes_of(path: &Path) -> Vec<Change> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut changes = Vec::new();
    for row in reader.get_row_iter(None).unwrap() {
        let mut change = Change { op: String::new(), version: 0, columns: BTreeMap::new() };
        for (name, field) in row.unwrap().get_column_iter() {
            match (name.as_str(), field) {
                ("_change_type", Field::Str(op)) => change.op = op.clone(),
                ("_commit_version", field) => change.version = field.to_string().parse().unwrap(),
                ("_commit_timestamp", _) => {}
                (name, Field::Str(text)) => drop(change.columns.insert(name.into(), text.clone())),
                (_, Field::Null) => {}
                (name, field) => drop(change.columns.insert(name.into(), field.to_string())),
            }
        }
        changes.push(change);
    }
    changes
}

/// For each id the rows of its newest version, without pre-images; of those, the rows that are there beat deletes.
fn newest(changes: &[Change]) -> BTreeMap<&str, Vec<&Change>> {
    let mut newest: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.op != "update_preimage") {
        let known = newest.entry(change.id()).or_default();
        let version = known.first().map_or(i64::MIN, |first| first.version);
        if change.version > version {
            known.clear();
        }
        if change.version >= version {
            known.push(change);
        }
    }
    for rows in newest.values_mut() {
        if rows.iter().any(|row| row.is_there()) {
            rows.retain(|row| row.is_there());
        }
    }
    newest
}

/// Id and name of each visible event.
fn people(project: &Project) -> BTreeSet<(String, String)> {
    let of = |event: &Value, name: &str| event["properties"][name].as_str().unwrap_or_default().to_string();
    project.events().iter().map(|event| (of(event, "distinct_id"), of(event, "name"))).collect()
}

const PEOPLE: &str = "\
destination: product
kind: events
mode: mirror
source: { prefix: people/ }
events:
  name: { value: Person Born }
  time: { column: TIME }
  user_id: id
  insert_id: id
  exclude: [_commit_version, _commit_timestamp, _change_type]
";

#[test]
fn a_delta_change_feed_is_found_ordered_and_followed() {
    let Some(path) = real_data("delta/_derived_table_changes/cdf-table.parquet") else { return };
    let changes = changes_of(&path);
    let newest = newest(&changes);
    let expected: BTreeSet<_> = newest
        .values()
        .map(|rows| rows[0])
        .filter(|row| row.is_there())
        .map(|row| (row.id().to_string(), row.columns["name"].clone()))
        .collect();
    assert_eq!((changes.len(), newest.len(), expected.len()), (23, 10, 9));

    let project = Project::new().sync_yaml("people", &PEOPLE.replace("TIME", "birthday"));
    project.export("people/changes.parquet", fs::read(path).unwrap());
    let synced = project.sync().exits(0).counts(&[
        ("counts/read", 23),
        ("counts/accepted", 9),
        ("plan/inserts", 9),
        ("settled/events_sent", 9),
    ]);
    assert_eq!(synced.answer["runs"][0]["plan"]["feed"], "change", "{}", synced.ran);
    synced.ran.says(&["column _change_type holds only insert, update and delete values"]);
    assert_eq!(people(&project), expected);
    project.run(&["verify", "people"]).exits(0).says(&["9 rows in the exports, 9 equal"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
}

/// In this table id does not name a row: two ids were inserted again by a later commit, so 11 rows live under 9 ids. By key
/// the later row is the row: the newest version of each id is there, once, and a second look changes nothing. No order is
/// missing, so nothing is quarantined.
#[test]
fn ids_that_name_two_rows_keep_the_newest_and_never_flap() {
    let Some(path) = real_data("delta/_derived_table_changes/cdf-table-non-partitioned.parquet") else { return };
    let changes = changes_of(&path);
    let newest = newest(&changes);
    let expected: BTreeSet<_> = newest
        .values()
        .filter(|rows| rows[0].is_there())
        .map(|rows| (rows[0].id().to_string(), rows[0].columns["name"].clone()))
        .collect();
    let mut live = Vec::new();
    let mut in_order = changes.clone();
    // A commit takes away what it replaces before it adds.
    in_order.sort_by_key(|change| (change.version, change.is_there()));
    for change in in_order {
        match live.iter().position(|row| *row == change.columns) {
            _ if change.is_there() => live.push(change.columns),
            Some(row) => drop(live.remove(row)),
            None => panic!("{change:?} takes away what is not there"),
        }
    }
    assert_eq!((changes.len(), live.len(), expected.len()), (25, 11, 9));
    assert!(
        newest.values().all(|rows| rows.iter().all(|row| row.columns == rows[0].columns)),
        "versions order every id"
    );

    let project = Project::new().sync_yaml("people", &PEOPLE.replace("TIME", "birthday"));
    project.export("people/changes.parquet", fs::read(&path).unwrap());
    project.sync().exits(0).counts(&[("counts/read", 25), ("counts/rejected", 0), ("settled/events_sent", 9)]);
    assert_eq!(people(&project), expected);
    project.run(&["verify", "people"]).exits(0).says(&["9 rows in the exports, 9 equal"]);
    project.sync().exits(0).counts(&[("settled/events_sent", 0)]);
    assert_eq!(project.copies().len(), 9);
}

/// Named by all its columns, an update takes away one row and adds another: its pre-image names the row that goes.
#[test]
fn an_update_of_a_key_column_takes_the_old_row_away() {
    let Some(path) = real_data("delta/_derived_table_changes/cdf-table-non-partitioned.parquet") else { return };
    let changes = changes_of(&path);
    let columns: BTreeSet<&str> = changes.iter().flat_map(|change| change.columns.keys()).map(String::as_str).collect();
    let key = format!("insert_id: [{}]", columns.into_iter().collect::<Vec<_>>().join(", "));
    let project =
        Project::new().sync_yaml("people", &PEOPLE.replace("TIME", "birthday").replace("insert_id: id", &key));
    project.export("people/changes.parquet", fs::read(path).unwrap());
    project.run(&["sync"]).exits(0);
    assert_eq!(project.events().len(), 11);
}

#[test]
fn airline_avro_is_read_whole() {
    let Some(folder) = real_data("airline-avro/2014") else { return };
    let project = Project::new().sync_yaml(
        "flights",
        "\
destination: product
kind: events
mode: append
source: { prefix: flights/ }
events:
  name: { value: Flight }
  time: { column: FlightDate }
  user_id: TailNum
  exclude: [RandomAirports]
  without_user: send_blank
",
    );
    let mut rows = 0;
    let mut distinct = BTreeSet::new();
    for day in 1..=3 {
        let file = folder.join(format!("01/{day:02}/airlineStats_data_2014-01-{day:02}.avro"));
        for record in apache_avro::Reader::new(File::open(&file).unwrap()).unwrap() {
            let apache_avro::types::Value::Record(fields) = record.unwrap() else { panic!("no record") };
            let fields: Vec<_> = fields.into_iter().filter(|(name, _)| name != "RandomAirports").collect();
            rows += 1;
            distinct.insert(format!("{fields:?}"));
        }
        project.export(&format!("flights/2014/01/{day:02}/flights.avro"), fs::read(file).unwrap());
    }
    let synced = project.sync();
    assert_eq!(synced.sum("counts/read"), rows, "{}", synced.ran);
    // Without key columns the key is the content: identical flights are one event.
    synced
        .exits(0)
        .counts(&[("counts/accepted", distinct.len() as u64), ("counts/duplicate", rows - distinct.len() as u64)]);
    assert_eq!(project.events().len(), distinct.len());
    project.run(&["verify", "flights"]).exits(0);
}

#[test]
fn a_dms_full_load_is_a_snapshot() {
    let Some(path) = real_data("dms-csv/Customer/Full/Customers_FullLog.csv") else { return };
    // The table has no time of its own; an event needs one.
    let (mut header, mut records) = read_csv(&fs::read(path).unwrap());
    header.push("loaded_at".into());
    records.iter_mut().for_each(|record| record.push("2019-01-01".into()));
    let project = Project::new().sync_yaml(
        "customers",
        "\
destination: product
kind: events
mode: mirror
source: { prefix: customers/, feed: snapshot, complete: each_file }
events:
  name: { value: Customer Loaded }
  time: { column: loaded_at }
  user_id: CustomerID
  insert_id: CustomerID
",
    );
    project.export("customers/LOAD00000001.csv", write_csv(&(header.clone(), records.clone())));
    project.sync().exits(0).counts(&[("counts/read", 500), ("plan/inserts", 500)]);

    // The same table after the changes of its two days: a whole snapshot again.
    for record in records.iter_mut().take(248) {
        record[1] = format!("{}@octank.com", record[0]);
    }
    project.export("customers/LOAD00000002.csv", write_csv(&(header, records)));
    project.sync().exits(0).counts(&[
        ("counts/read", 500),
        ("plan/updates", 248),
        ("counts/unchanged", 252),
        ("settled/events_sent", 248),
    ]);
    let octank = |event: &&Value| event["properties"]["Email"].as_str().unwrap().ends_with("@octank.com");
    assert_eq!(project.events().iter().filter(octank).count(), 248);
    project.run(&["verify", "customers"]).exits(0).says(&["500 rows in the exports, 500 equal"]);
}
