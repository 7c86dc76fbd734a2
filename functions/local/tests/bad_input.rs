//! Bad input and bad answers, one test a line of the reliability table (its numbers are in the names): what is wrong is
//! named with file, row, column, cause and remedy; everything else goes on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use common::server::{Server, imported, reply};
use common::{Project, Ran};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const APPEND: &str = "\
destination: product
kind: events
mode: append
source: { prefix: data/ }
events:
  name: { value: Test }
  time: { column: at }
  user_id: user
  insert_id: id
";
const HEADER: &str = "id,user,at,v\n";
const GOOD: &str = "id,user,at,v\ng1,u1,2025-01-01T00:00:00Z,1\ng2,u2,2025-01-02T00:00:00Z,2\n";
const GOOD_JSON: &str = "{\"id\":\"g1\",\"user\":\"u1\",\"at\":\"2025-01-01T00:00:00Z\",\"v\":1}\n{\"id\":\"g2\",\"user\":\"u2\",\"at\":\"2025-01-02T00:00:00Z\",\"v\":2}\n";

fn project() -> Project {
    Project::new().sync_yaml("s", APPEND)
}

fn mirror(source: &str) -> Project {
    let yaml = APPEND
        .replace("mode: append", "mode: mirror")
        .replace("{ prefix: data/ }", &format!("{{ prefix: data/, {source} }}"));
    Project::new().sync_yaml("s", &yaml)
}

/// The ids of the events that are there.
fn ids(project: &Project) -> BTreeSet<String> {
    project.events().iter().map(|event| event["properties"]["id"].as_str().unwrap_or("?").to_string()).collect()
}

#[track_caller]
fn has(project: &Project, expected: &[&str]) {
    assert_eq!(ids(project), expected.iter().map(|id| id.to_string()).collect());
}

fn event(project: &Project, id: &str) -> Value {
    project
        .events()
        .into_iter()
        .find(|event| event["properties"]["id"] == id)
        .unwrap_or_else(|| panic!("no event {id}"))
}

/// Good rows, and rows that go to the quarantine for these reasons, which `sync` and `failures` both print.
#[track_caller]
fn quarantines(export: &str, bytes: impl AsRef<[u8]>, words: &[&str]) -> Project {
    let project = project();
    project.export(export, bytes);
    project.run(&["sync"]).exits(4).says(words).says(&["quarantine", "driftless failures s"]);
    project.run(&["failures", "s"]).exits(4).says(words);
    project
}

/// A good export, and one that cannot be read for this reason.
#[track_caller]
fn cannot_read(key: &str, bytes: impl AsRef<[u8]>, words: &[&str]) -> Project {
    let project = project();
    project.export("data/a_good.csv", GOOD).export(key, bytes);
    project.run(&["sync"]).exits(1).says(&["cannot be read", key]).says(words);
    has(&project, &["g1", "g2"]);
    project
}

fn done(export: &str, bytes: impl AsRef<[u8]>, expected: &[&str]) -> Project {
    let project = project();
    project.export(export, bytes);
    project.run(&["sync"]).exits(0);
    has(&project, expected);
    project
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn file_21_zero_bytes() {
    let project = done("data/empty.csv", "", &[]);
    project.export("data/good.csv", GOOD);
    project.run(&["sync"]).exits(0);
    has(&project, &["g1", "g2"]);
}

#[test]
fn file_22_23_markers_and_hidden_files_are_no_exports() {
    let project = project();
    for key in ["data/_SUCCESS", "data/a.csv.crc", "data/b.tmp", "data/.hidden.csv"] {
        project.export(key, "id,user\nnot,a row\n");
    }
    std::fs::create_dir_all(project.path("exports/data/folder")).unwrap();
    project.export("data/good.csv", GOOD);
    project.run(&["sync"]).exits(0);
    has(&project, &["g1", "g2"]);
}

#[test]
fn file_24_bytes_decide_not_the_name() {
    done("data/really_csv.parquet", GOOD, &["g1", "g2"]);
    cannot_read(
        "data/noise.csv",
        (0..=255).cycle().take(4_000).collect::<Vec<u8>>(),
        &["neither text nor a known binary format", "export as"],
    );
}

#[test]
fn file_25_truncated_gzip() {
    let bytes = gzip(format!("{HEADER}{}", "t1,u1,2025-01-01T00:00:00Z,1\n".repeat(500)).as_bytes());
    let project = cannot_read("data/cut.csv.gz", &bytes[..bytes.len() / 2], &["ends too early", "export it again"]);
    // The whole object heals it.
    project.export("data/cut.csv.gz", bytes);
    project.run(&["sync"]).exits(0);
    has(&project, &["g1", "g2", "t1"]);
}

#[test]
fn file_25_a_truncated_export_stays_visible() {
    let project = cannot_read("data/cut.csv.gz", &gzip(GOOD.as_bytes())[..50], &["ends too early"]);
    project.run(&["verify", "s"]).exits(1).says(&["data/cut.csv.gz", "ends too early"]);
}

#[test]
fn file_25_a_truncated_part_of_a_snapshot_deletes_nothing() {
    let project = mirror("feed: snapshot, complete: sync_now");
    project.export("data/a.csv", GOOD).export("data/b.csv.gz", gzip(b"id,user,at,v\ng3,u3,2025-01-03T00:00:00Z,3\n"));
    project.run(&["sync"]).exits(0);
    project.export("data/b.csv.gz", &gzip(b"id,user,at,v\ng3,u3,2025-01-03T00:00:00Z,3\n")[..30]);
    project.run(&["sync"]).exits(1).says(&["data/b.csv.gz", "ends too early", "export it again"]);
    has(&project, &["g1", "g2", "g3"]);
    project.run(&["sync"]).exits(1).says(&["data/b.csv.gz"]);
}

#[test]
fn file_26_decompression_bomb() {
    let mut bomb = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    bomb.write_all(HEADER.as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(b'a').take(300 << 20), &mut bomb).unwrap();
    cannot_read("data/bomb.csv.zst", bomb.finish().unwrap(), &["decompression bomb", "export it again"]);
}

#[test]
fn file_27_concatenated_gzip_members() {
    let mut bytes = gzip(GOOD.as_bytes());
    bytes.extend(gzip(b"g3,u3,2025-01-03T00:00:00Z,3\n"));
    done("data/two.csv.gz", bytes, &["g1", "g2", "g3"]);
}

#[test]
fn file_28_double_compression_and_archives() {
    cannot_read("data/twice.csv.gz", gzip(&gzip(GOOD.as_bytes())), &["double-compressed", "compress it once"]);
    cannot_read("data/a.zip", b"PK\x03\x04and so on", &["zip archive that cannot be read", "export it again"]);
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    cannot_read("data/a.tar", tar, &["tar archive", "export as"]);
}

#[test]
fn file_29_byte_order_mark() {
    done("data/bom.csv", format!("\u{feff}{GOOD}"), &["g1", "g2"]);
    done("data/bom.jsonl", format!("\u{feff}{GOOD_JSON}"), &["g1", "g2"]);
}

#[test]
fn file_30_utf_16_and_latin_1() {
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(GOOD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    cannot_read("data/wide.csv", utf16, &["UTF-16", "export as UTF-8"]);
    let project = quarantines(
        "data/latin.csv",
        b"id,user,at,v\nl1,u1,2025-01-01T00:00:00Z,caf\xe9\ng1,u1,2025-01-01T00:00:00Z,tea\n",
        &["data/latin.csv row 1", "not valid UTF-8", "export text as UTF-8"],
    );
    has(&project, &["g1"]);
}

#[test]
fn file_31_line_ends() {
    done("data/crlf.csv", GOOD.replace('\n', "\r\n"), &["g1", "g2"]);
    done("data/cr.csv", GOOD.replace('\n', "\r"), &["g1", "g2"]);
    done("data/no_end.csv", GOOD.trim_end(), &["g1", "g2"]);
    done("data/no_end.jsonl", GOOD_JSON.trim_end(), &["g1", "g2"]);
}

#[test]
fn file_32_quoted_newlines_across_blocks() {
    // 3 MB, so that several blocks of 1 MB end inside quotes.
    let rows = 3_000;
    let text: String =
        (0..rows).map(|n| format!("q{n},u{n},2025-01-01T00:00:00Z,\"{}\"\n", "a\nb,\"\"c\"\"\n".repeat(100))).collect();
    let project = project();
    project.export("data/quoted.csv", format!("{HEADER}{text}"));
    project.sync().exits(0).counts(&[("counts/read", rows), ("counts/accepted", rows)]);
}

#[test]
fn file_33_header_only() {
    let project = done("data/none.csv", HEADER, &[]);
    project.run(&["verify", "s"]).exits(0);
}

#[test]
fn file_34_header_without_or_with_equal_names() {
    cannot_read(
        "data/twice.csv",
        "id,user,at,at\nx,u,2025-01-01T00:00:00Z,2\n",
        &["names column 4 twice", "its own name"],
    );
    cannot_read(
        "data/unnamed.csv",
        "id,,at,v\nx,u,2025-01-01T00:00:00Z,2\n",
        &["column 2 has no name", "name every column"],
    );
}

#[test]
fn file_35_36_columns_in_another_order_and_added() {
    let project = mirror("feed: snapshot, complete: sync_now");
    project.export("data/a.csv", GOOD);
    project.run(&["sync"]).exits(0);
    project.export("data/a.csv", "v,at,id,user\n1,2025-01-01T00:00:00Z,g1,u1\n2,2025-01-02T00:00:00Z,g2,u2\n");
    project.sync().exits(0).counts(&[("counts/unchanged", 2), ("settled/events_sent", 0)]);
    project
        .export("data/a.csv", "v,at,id,user,coupon\n1,2025-01-01T00:00:00Z,g1,u1,C5\n2,2025-01-02T00:00:00Z,g2,u2,\n");
    project.run(&["plan"]).exits(0).says(&["new columns: coupon", "events.exclude"]);
    project.sync().exits(0).counts(&[("plan/updates", 1), ("counts/unchanged", 1), ("settled/events_sent", 1)]);
}

#[test]
fn file_37_ragged_rows() {
    let text = format!("{GOOD}short,u\nlong,u,2025-01-01T00:00:00Z,1,2,3\ng3,u3,2025-01-03T00:00:00Z,3\n");
    let words = [
        "data/a.csv row 3: the record has 2 fields, but there are 4 columns",
        "row 4: the record has 6 fields",
        "source.csv",
    ];
    has(&quarantines("data/a.csv", text, &words), &["g1", "g2", "g3"]);
}

#[test]
fn file_38_one_huge_line() {
    let huge = "x".repeat(3 << 20);
    let text = format!("{GOOD}big,u,2025-01-01T00:00:00Z,{huge}\ng3,u3,2025-01-03T00:00:00Z,3\n");
    let words = ["data/a.csv row 3", "longer than 1048576 bytes", "leave large columns out"];
    has(&quarantines("data/a.csv", text, &words), &["g1", "g2", "g3"]);
    let text = format!("{{\"id\":\"big\",\"v\":\"{huge}\"}}\n{GOOD_JSON}");
    has(&quarantines("data/a.jsonl", text, &["data/a.jsonl row 1", "longer than 1048576 bytes"]), &["g1", "g2"]);
}

#[test]
fn file_39_nul_bytes_and_broken_utf_8() {
    let mut bytes = format!("{GOOD}nul,u,2025-01-01T00:00:00Z,a\0b\n").into_bytes();
    bytes.extend(b"broken,u,2025-01-01T00:00:00Z,\xff\xfe\ng3,u3,2025-01-03T00:00:00Z,3\n");
    let words = ["data/a.csv row 3", "NUL bytes", "row 4", "not valid UTF-8"];
    has(&quarantines("data/a.csv", bytes, &words), &["g1", "g2", "g3"]);
}

#[test]
fn file_40_one_json_array() {
    let elements: Vec<&str> = GOOD_JSON.lines().collect();
    done("data/array.json", format!("[{}]", elements.join(",\n")), &["g1", "g2"]);
}

#[test]
fn file_41_garbage_at_the_end() {
    let words = ["data/a.jsonl row 3", "no valid JSON object", "one JSON object per line"];
    has(&quarantines("data/a.jsonl", format!("{GOOD_JSON}{{\"id\":\"x\",\"us"), &words), &["g1", "g2"]);
    has(&quarantines("data/a.jsonl", format!("{GOOD_JSON}{{\"id\":\"x\",}}\n"), &words), &["g1", "g2"]);
    let elements: Vec<&str> = GOOD_JSON.lines().collect();
    let project = project();
    project.export("data/array.json", format!("[{},]", elements.join(",")));
    project.run(&["sync"]).exits(1).says(&[
        "cannot be read: data/array.json",
        "an element is missing",
        "export it again",
    ]);
    has(&project, &["g1", "g2"]);
}

#[test]
fn file_42_depth_of_ten_thousand() {
    let deep = format!("{GOOD_JSON}{{\"id\":\"x\",\"d\":{}{}}}\n", "[".repeat(10_000), "]".repeat(10_000));
    has(&quarantines("data/a.jsonl", deep, &["data/a.jsonl row 3", "nested more than 64 levels"]), &["g1", "g2"]);
}

#[test]
fn file_43_the_last_of_two_equal_keys_counts() {
    let project =
        done("data/a.jsonl", "{\"id\":\"x\",\"user\":\"u\",\"at\":\"2025-01-01T00:00:00Z\",\"v\":1,\"v\":2}\n", &["x"]);
    assert_eq!(event(&project, "x")["properties"]["v"], 2);
}

#[test]
fn file_44_damaged_parquet() {
    cannot_read(
        "data/cut.parquet",
        [b"PAR1".as_slice(), &[21, 4].repeat(50)].concat(),
        &["no footer", "export it again"],
    );
    let damaged = [b"PAR1".as_slice(), &[21, 4].repeat(50), &[16, 0, 0, 0], b"PAR1"].concat();
    cannot_read("data/damaged.parquet", damaged, &["cannot be read", "export it again"]);
    cannot_read(
        "data/encrypted.parquet",
        b"PARE and so on PARE",
        &["encrypted Parquet", "export without Parquet encryption"],
    );
}

#[test]
fn file_45_parquet_types_have_a_meaning() {
    let Some(path) = common::real_data("parquet-testing/data/int96_from_spark.parquet") else { return };
    let yaml = APPEND.replace("column: at", "column: a").replace("  user_id: user\n  insert_id: id\n", "");
    let project = Project::new().sync_yaml("s", &yaml);
    project.export("data/int96.parquet", std::fs::read(path).unwrap());
    // Six values of INT96: one of them null, and years up to 9999 and beyond, which no event may have.
    let ran = project.run(&["sync"]).exits(4).says(&["column a", "lies in the future", "is empty or missing"]);
    assert!(project.events().len() >= 2, "{ran}");
}

#[test]
fn file_51_52_53_again_renamed_and_shortened() {
    let project = project();
    project.export("data/a.csv", GOOD);
    project.run(&["sync"]).exits(0);
    project.export("data/a.csv", GOOD);
    project.sync().exits(0).counts(&[("counts/duplicate", 2), ("settled/events_sent", 0)]);
    project.export("data/renamed.csv", GOOD).remove("data/a.csv");
    project.sync().exits(0).counts(&[("counts/duplicate", 2), ("settled/events_sent", 0)]);
    project.export("data/renamed.csv", &GOOD[..GOOD.len() / 2 + 6]);
    project.sync();
    has(&project, &["g1", "g2"]);
}

#[test]
fn file_54_too_many_failing_rows_wait_for_a_person() {
    let project = project();
    let bad: String = (0..150).map(|n| format!("b{n},u{n},,1\n")).collect();
    project.export("data/a.csv", format!("{GOOD}{bad}"));
    let words = [
        "held for approval: 150 of 152 rows are rejected, over 5 % (hold.rejected_over_percent): probably a wrong mapping",
    ];
    project.run(&["sync"]).exits(3).says(&words).says(&["data/a.csv row 3, column at", "driftless approve s"]);
    has(&project, &[]);
    project.run(&["approve", "s"]).exits(4);
    has(&project, &["g1", "g2"]);
}

/// Good rows and one more.
fn with_row(row: &str) -> String {
    format!("{GOOD}{row}\n")
}

#[test]
fn row_55_blank_user() {
    let text = with_row("x,,2025-01-01T00:00:00Z,1");
    let words =
        ["data/a.csv row 3, column user", "neither a user id nor a device id", "events.without_user: send_blank"];
    has(&quarantines("data/a.csv", &text, &words), &["g1", "g2"]);
    let project = Project::new().sync_yaml("s", &format!("{APPEND}  without_user: send_blank\n"));
    project.export("data/a.csv", text);
    project.run(&["sync"]).exits(0);
    has(&project, &["g1", "g2", "x"]);
}

#[test]
fn row_56_placeholders_are_no_ids() {
    let banned = ["null", "0", "anonymous", "00000000-0000-0000-0000-000000000000", "NULL", "undefined"];
    let rows: String = banned.iter().enumerate().map(|(n, id)| format!("x{n},{id},2025-01-01T00:00:00Z,1\n")).collect();
    let project = quarantines(
        "data/a.csv",
        format!("{GOOD}{rows}"),
        &["data/a.csv row 3, column user", "row 8", "placeholder that Mixpanel refuses"],
    );
    has(&project, &["g1", "g2"]);
}

#[test]
fn row_57_no_time() {
    let words =
        ["data/a.csv row 3, column at", "time column at is empty or missing", "name another column in events.time"];
    has(&quarantines("data/a.csv", with_row("x,u,,1"), &words), &["g1", "g2"]);
}

#[test]
fn row_58_times_in_every_spelling() {
    let spellings = [
        "1735689600",
        "1735689600000",
        "1735689600000000",
        "2025-01-01T00:00:00Z",
        "2025-01-01T01:00:00+01:00",
        "2025-01-01 00:00:00",
        "2025-01-01 00:00:00 UTC",
        "2025-01-01",
    ];
    let good: String = spellings.iter().enumerate().map(|(n, at)| format!("t{n},u,{at},1\n")).collect();
    let bad = "b0,u,1,1\nb1,u,2999-01-01T00:00:00Z,1\nb2,u,1960-01-01,1\nb3,u,yesterday,1\n";
    let words = [
        "row 9, column at",
        "lies before what the destination keeps",
        "row 10",
        "lies in the future",
        "row 12",
        "no time that can be read",
        "events.time.unit",
    ];
    let project = quarantines("data/a.csv", format!("{HEADER}{good}{bad}"), &words);
    let times: Vec<_> = project.events().iter().map(|event| event["properties"]["time"].as_i64().unwrap()).collect();
    assert_eq!(times, vec![1_735_689_600_000; spellings.len()]);
}

#[test]
fn row_59_local_times_that_are_there_twice_or_never() {
    let project = Project::new().sync_yaml("s", &APPEND.replace("column: at", "column: at, timezone: Europe/Berlin"));
    project.export("data/a.csv", format!("{HEADER}twice,u,2025-10-26 02:30:00,1\nnever,u,2025-03-30 02:30:00,1\n"));
    project.run(&["sync"]).exits(0);
    // The earlier of the two; and as if the clock had not been put forward.
    assert_eq!(event(&project, "twice")["properties"]["time"], 1_761_438_600_000_i64);
    assert_eq!(event(&project, "never")["properties"]["time"], 1_743_298_200_000_i64);
}

#[test]
fn row_60_nan_and_infinity() {
    let yaml = APPEND.replace("{ prefix: data/ }", "{ prefix: data/, types: { v: number } }");
    let project = Project::new().sync_yaml("s", &yaml);
    project.export(
        "data/a.csv",
        format!(
            "{HEADER}n,u,2025-01-01T00:00:00Z,NaN\ni,u,2025-01-01T00:00:00Z,Infinity\ng,u,2025-01-01T00:00:00Z,1.5\n"
        ),
    );
    let ran = project.run(&["sync"]);
    for id in ["n", "i"] {
        assert!(ids(&project).contains(id), "{ran}");
        assert!(event(&project, id)["properties"].get("v").is_none(), "JSON has no spelling for it\n{ran}");
    }
    ran.exits(0);
    assert_eq!(event(&project, "g")["properties"]["v"], 1.5);
    let text = format!("{GOOD_JSON}{{\"id\":\"x\",\"user\":\"u\",\"at\":\"2025-01-01T00:00:00Z\",\"v\":NaN}}\n");
    has(&quarantines("data/a.jsonl", text, &["data/a.jsonl row 3", "no valid JSON object"]), &["g1", "g2"]);
}

#[test]
fn row_61_integers_beyond_double_precision() {
    let text = "{\"id\":\"x\",\"user\":\"u\",\"at\":\"2025-01-01T00:00:00Z\",\"v\":9007199254740993}\n";
    assert_eq!(event(&done("data/a.jsonl", text, &["x"]), "x")["properties"]["v"], "9007199254740993");
}

#[test]
fn row_62_long_texts_are_cut_and_counted() {
    let project = project();
    project.export("data/a.csv", with_row(&format!("x,u,2025-01-01T00:00:00Z,{}", "é".repeat(400))));
    project.run(&["plan"]).exits(0).says(&["column v: 1 texts are cut to the destination's 255 bytes"]);
    project.run(&["sync"]).exits(0);
    assert_eq!(event(&project, "x")["properties"]["v"], "é".repeat(127));
}

#[test]
fn row_63_too_many_properties_entries_or_levels() {
    let row = |more: Value| {
        let mut row = json!({"id": "x", "user": "u", "at": "2025-01-01T00:00:00Z"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{GOOD_JSON}{row}\n")
    };
    let many = (0..300).map(|n| (format!("p{n}"), json!(n))).collect();
    for (more, words) in [
        (Value::Object(many), ["has 306 properties, more than the 254", "events.exclude"]),
        (json!({"v": {"a": {"b": {"c": {"d": 1}}}}}), ["column v is nested more than 3 levels", "events.exclude"]),
        (
            json!({"v": (0..300).collect::<Vec<_>>()}),
            ["column v has an object or array with more than 254 entries", "events.exclude"],
        ),
    ] {
        let project = quarantines("data/a.jsonl", row(more), &words);
        project.run(&["failures", "s"]).says(&["data/a.jsonl row 3"]);
        has(&project, &["g1", "g2"]);
    }
}

#[test]
fn row_64_an_event_above_one_megabyte() {
    // The row is below the limit of a record, its event above that of an event: 200 lists of 5 KB.
    let lists: Vec<String> =
        (0..200).map(|n| format!("\"p{n}\":[{}]", vec!["\"yyyyyyyyyyyyyyyyyyyyyyy\""; 197].join(","))).collect();
    let text =
        format!("{GOOD_JSON}{{\"id\":\"x\",\"user\":\"u\",\"at\":\"2025-01-01T00:00:00Z\",{}}}\n", lists.join(","));
    assert!((1_000_000..1_048_576).contains(&(text.len() - GOOD_JSON.len())), "{}", text.len());
    has(
        &quarantines("data/a.jsonl", text, &["data/a.jsonl row 3", "larger than 1 MB", "events.exclude"]),
        &["g1", "g2"],
    );
}

#[test]
fn row_65_half_a_surrogate_pair() {
    let text =
        format!("{GOOD_JSON}{{\"id\":\"x\",\"user\":\"u\",\"at\":\"2025-01-01T00:00:00Z\",\"v\":\"a\\ud800b\"}}\n");
    has(&quarantines("data/a.jsonl", text, &["data/a.jsonl row 3", "half of a surrogate pair"]), &["g1", "g2"]);
}

#[test]
fn row_66_identical_rows_collapse() {
    let project = project();
    project.export("data/a.csv", with_row("g1,u1,2025-01-01T00:00:00Z,1"));
    project.sync().exits(0).counts(&[("counts/accepted", 2), ("counts/duplicate", 1)]);
    has(&project, &["g1", "g2"]);
}

#[test]
fn row_67_one_id_two_contents_in_an_append() {
    let project = project();
    project.export("data/a.csv", GOOD);
    project.run(&["sync"]).exits(0);
    project.export("data/b.csv", format!("{HEADER}g1,u1,2025-01-01T00:00:00Z,99\n"));
    let words = ["data/b.csv row 1", "its insert_id was sent before with other content", "mode: mirror"];
    project.run(&["sync"]).exits(4).says(&words);
    assert_eq!(event(&project, "g1")["properties"]["v"], 1);
}

#[test]
fn row_67_one_id_two_contents_in_one_run_of_an_append() {
    let project =
        quarantines("data/a.csv", with_row("g1,u1,2025-01-01T00:00:00Z,99"), &["data/a.csv row 3", "other content"]);
    has(&project, &["g1", "g2"]);
}

#[test]
fn row_67_one_key_two_contents_in_a_snapshot() {
    let project = mirror("feed: snapshot, complete: sync_now");
    project.export("data/a.csv", with_row("g1,u1,2025-01-01T00:00:00Z,99"));
    let words = [
        "held for approval: 1 keys have several different rows and no order column",
        "data/a.csv row 1",
        "data/a.csv row 3",
        "source.order",
    ];
    project.run(&["sync"]).exits(3).says(&words);
    has(&project, &[]);
    project.run(&["approve", "s"]).exits(4);
    has(&project, &["g2"]);
}

#[test]
fn row_68_ids_that_mixpanel_does_not_take() {
    let text = with_row(&format!("a b/c,u,2025-01-01T00:00:00Z,1\n{},u,2025-01-01T00:00:00Z,1", "z".repeat(60)));
    let yaml = APPEND.replace("insert_id: id", "insert_id: { column: id, keep: true }");
    let project = Project::new().sync_yaml("s", &yaml);
    project.export("data/a.csv", &text);
    let words = [
        "data/a.csv row 3: the insert_id has characters other than letters, digits and -",
        "row 4: the insert_id is longer than the 36 bytes",
        "remove keep: true",
    ];
    project.run(&["sync"]).exits(4).says(&words);
    let kept: BTreeSet<_> =
        project.events().iter().map(|event| event["properties"]["$insert_id"].to_string()).collect();
    assert_eq!(kept, ["\"g1\"".to_string(), "\"g2\"".to_string()].into());
    // Hashed, any value will do.
    let hashed = self::project();
    hashed.export("data/a.csv", text);
    hashed.run(&["sync"]).exits(0);
    assert_eq!(hashed.events().len(), 4);
}

#[test]
fn row_69_reserved_names_are_no_property_names() {
    let text = "id,user,at,time,token,$insert_id,ip,driftless_deleted\nx,u,2025-01-01T00:00:00Z,5,6,7,8,true\n";
    let event = event(&done("data/a.csv", text, &["x"]), "x");
    let properties = &event["properties"];
    assert_eq!(properties["time"], 1_735_689_600_000_i64);
    for (name, value) in [
        ("column_time", json!(5)),
        ("column_token", json!(6)),
        ("column_$insert_id", json!(7)),
        ("column_ip", json!(8)),
    ] {
        assert_eq!(properties[name], value, "{properties}");
    }
}

#[test]
fn row_70_scripts_and_escapes_are_data_and_never_printed() {
    let evil = "<script>alert(1)</script>\u{1b}[31m=cmd()";
    let text = format!("{GOOD}x,u,2025-01-01T00:00:00Z,{evil}\ny,u,{evil},1\n");
    let project = quarantines("data/a.csv", text, &["data/a.csv row 4, column at"]);
    for args in [&["failures", "s"][..], &["sync"], &["runs", "s"], &["why", "s", "y"]] {
        project.run(args).never_says(&["<script>", "\u{1b}"]);
    }
    assert_eq!(event(&project, "x")["properties"]["v"], evil);
}

/// Configuration errors end with 2, on every command.
#[track_caller]
fn refused(project: &Project, words: &[&str]) {
    for command in ["check", "plan", "sync"] {
        project.run(&[command]).exits(2).says(words);
    }
}

#[test]
fn config_71_unknown_fields_and_words() {
    for (old, new, words) in [
        ("user_id", "usr_id", ["syncs/s.yaml: events:", "unknown field `usr_id`; did you mean `user_id`?"]),
        ("prefix:", "prefxi:", ["syncs/s.yaml: source:", "unknown field `prefxi`; did you mean `prefix`?"]),
        (
            "mode: append",
            "mode: apend",
            ["syncs/s.yaml: mode:", "expected one of `mirror`, `append`, `full`, `one_time`"],
        ),
        (
            "destination: product",
            "destination: prod",
            ["syncs/s.yaml: destination:", "`prod` is not in driftless.yaml; known: product"],
        ),
        ("mode: append", "mode: [append", ["syncs/s.yaml: not valid YAML", "3 | mode: [append"]),
        ("mode: append", "mode: mirror\ndedupe: off", ["syncs/s.yaml: dedupe:", "remove `dedupe`"]),
    ] {
        refused(&Project::new().sync_yaml("s", &APPEND.replacen(old, new, 1)), &words);
    }
}

#[test]
fn config_72_overlapping_prefixes() {
    for prefix in ["data/", "data/europe/"] {
        let project = project().sync_yaml("t", &APPEND.replace("data/", prefix));
        refused(&project, &["syncs/t.yaml: source.prefix: overlaps with that of sync s", "sent twice"]);
    }
    // One prefix may feed two different events.
    let project = project().sync_yaml("t", &APPEND.replace("value: Test", "value: Other"));
    project.run(&["check"]).exits(0);
}

#[test]
fn config_73_prefixes_that_leave_the_exports() {
    refused(
        &Project::new().sync_yaml("s", &APPEND.replace("data/", "../x/")),
        &["syncs/s.yaml: source.prefix: must lie under `exports`"],
    );
    refused(
        &Project::new().sync_yaml("s", &APPEND.replace("data/", ".driftless/")),
        &["source.prefix: is the state folder"],
    );
}

#[test]
fn config_75_a_url_must_stay_on_this_machine() {
    let project = project();
    for url in [
        "http://169.254.169.254:80",
        "http://example.com:80",
        "https://example.com",
        "http://127.0.0.1:80@example.com:80",
    ] {
        project.write("driftless.yaml", format!("exports: ./exports\ndestinations:\n  product: {{ type: mixpanel, token: \"file:token.txt\", url: \"{url}\" }}\n"));
        refused(&project, &["driftless.yaml: destinations.product.url: is only for a sandbox on this machine"]);
    }
}

#[test]
fn config_76_secrets_that_are_missing_or_written_out() {
    let project = project();
    let with = |token: &str| {
        format!("exports: ./exports\ndestinations:\n  product: {{ type: mixpanel, token: \"{token}\" }}\n")
    };
    project.write("driftless.yaml", with("s3cr3t-itself"));
    project.run(&["check"]).exits(2).says(&["destinations.product", "never the secret itself"]).never_says(&["s3cr3t"]);
    project.write("driftless.yaml", with("env:DRIFTLESS_TEST_MISSING"));
    project.run(&["check"]).exits(2).says(&["environment variable DRIFTLESS_TEST_MISSING is not set"]);
    project.write("driftless.yaml", with("file:none.txt"));
    project.run(&["check"]).exits(2).says(&["none.txt", "No such file"]);
}

#[test]
fn what_never_left_for_want_of_a_secret_does_not_count_as_sent() {
    let project = Project::new().sync_yaml("s", APPEND);
    project.export("data/a.csv", GOOD);
    let token = std::fs::read(project.path("token.txt")).unwrap();
    std::fs::remove_file(project.path("token.txt")).unwrap();
    project.sync().exits(1).counts(&[("settled/requests", 0), ("settled/events_sent", 0)]);
    project.write("token.txt", token);
    project.sync().exits(0).counts(&[("settled/requests", 1), ("settled/events_sent", 2)]);
}

/// Two good rows, sent to a destination that answers like this.
fn sent_to(server: &Server) -> (Project, Ran) {
    let project = Project::with_url(server.url()).sync_yaml("s", APPEND);
    project.export("data/a.csv", GOOD);
    let ran = project.run(&["sync"]);
    (project, ran)
}

/// What to answer to so many events.
type Answer = fn(usize) -> Vec<u8>;

/// The first answer is unclear: the same bytes go out again.
#[track_caller]
fn is_sent_again(what: &str, first: Answer) {
    let server = Server::answering(move |n, lines| if n == 0 { first(lines) } else { imported(lines) });
    let (_, ran) = sent_to(&server);
    assert_eq!(ran.code, 0, "{what}\n{ran}");
    ran.says(&["waiting"]);
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 2, "{what}");
    assert_eq!(bodies[0], bodies[1], "{what}: the same bytes");
}

/// All at once: after an unclear answer the command waits for a late one.
#[test]
fn answer_83_89_unclear_answers() {
    let unclear: [(&str, Answer); 6] = [
        ("fewer imported than sent", |lines| imported(lines - 1)),
        ("a server error", |_| reply("502 Bad Gateway", "", "<html>bad gateway</html>")),
        ("a page", |_| reply("200 OK", "Content-Type: text/html\r\n", "<html>please sign in</html>")),
        ("half of an answer", |_| reply("200 OK", "", "{\"code\":200,\"num_records_imp")),
        ("an answer that breaks off", |lines| imported(lines)[..60].to_vec()),
        ("no answer", |_| Vec::new()),
    ];
    std::thread::scope(|scope| {
        for (what, first) in unclear {
            scope.spawn(move || is_sent_again(what, first));
        }
    });
}

#[test]
fn answer_84_part_of_a_batch_refused() {
    let server = Server::answering(|_, _| {
        let body = json!({"code": 400, "error": "some data points in the request failed validation", "num_records_imported": 1, "status": "Bad Request",
            "failed_records": [{"index": 1, "$insert_id": "x", "field": "properties.v", "message": "'properties.v' is invalid: 'jane@example.com'"}]});
        reply("400 Bad Request", "", &body.to_string())
    });
    let (project, ran) = sent_to(&server);
    ran.exits(4).says(&["2 ", "quarantine"]);
    project
        .run(&["failures", "s"])
        .exits(4)
        .says(&[
            "data/a.csv row 2, column properties.v",
            "the destination refused it: properties.v is invalid",
            "driftless replay",
        ])
        .never_says(&["jane"]);
    project.run(&["why", "s", "g1"]).exits(0).says(&["delivered"]);
    project.run(&["why", "s", "g2"]).exits(0).says(&["refused by the destination", "data/a.csv row 2"]);
}

#[test]
fn answer_85_a_whole_request_refused() {
    let server = Server::answering(|_, _| {
        reply("400 Bad Request", "", "{\"code\":400,\"error\":\"bad request 1234567\",\"status\":\"Bad Request\"}")
    });
    let (_, ran) = sent_to(&server);
    ran.exits(1)
        .says(&[
            "s: stopped: product: Mixpanel refuses the request as a whole (status 400)",
            "check project_id, region and id_merge",
        ])
        .never_says(&["1234567"]);
    assert_eq!(server.bodies().len(), 1, "nothing more is sent");
}

#[test]
fn answer_86_credentials_refused() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let server = Server::answering(move |n, lines| if n == 0 { reply(status, "", "{}") } else { imported(lines) });
        let (project, ran) = sent_to(&server);
        ran.exits(1).says(&["s: stopped: product: Mixpanel refuses the credentials", &status[..3], "service account"]);
        assert_eq!(server.bodies().len(), 1, "nothing more is sent");
        project.run(&["status"]).exits(1).says(&["stopped: product: Mixpanel refuses the credentials"]);
        // A person's next sync, with the secret corrected, goes on where it stopped.
        project.run(&["sync"]).exits(0).says(&["s: 4 events sent"]);
    }
}

#[test]
fn answer_87_a_request_too_large_is_halved() {
    let server =
        Server::answering(|_, lines| if lines > 30 { reply("413 Payload Too Large", "", "") } else { imported(lines) });
    let project = Project::with_url(server.url()).sync_yaml("s", APPEND);
    let rows: String = (0..100).map(|n| format!("r{n},u{n},2025-01-01T00:00:00Z,{n}\n")).collect();
    project.export("data/a.csv", format!("{HEADER}{rows}"));
    project.sync().exits(0).counts(&[("counts/accepted", 100)]);
    let taken: Vec<String> = server.bodies().into_iter().filter(|lines| lines.len() <= 30).flatten().collect();
    assert_eq!(taken.len(), 100);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 100, "each row once");
}

#[test]
fn answer_88_slow_down() {
    let server = Server::answering(|n, lines| {
        if n == 0 { reply("429 Too Many Requests", "Retry-After: 1\r\n", "{}") } else { imported(lines) }
    });
    let began = std::time::Instant::now();
    let (_, ran) = sent_to(&server);
    ran.exits(0).says(&["waiting 1.0 s: Mixpanel asks to slow down (429)"]);
    assert_eq!(server.bodies().len(), 2);
    assert!(began.elapsed() >= std::time::Duration::from_secs(1));
}

#[test]
fn answer_89_a_redirect_is_never_followed() {
    let elsewhere = Server::answering(|_, lines| imported(lines));
    let location = format!("Location: {}/import\r\n", elsewhere.url());
    let server = Server::answering(move |_, _| reply("302 Found", &location, ""));
    let (_, ran) = sent_to(&server);
    ran.exits(1).says(&[
        "s: stopped: product: Mixpanel answers with a redirect (status 302), which is never followed",
        "check region and url",
    ]);
    assert!(elsewhere.bodies().is_empty(), "no credentials went elsewhere");
}
