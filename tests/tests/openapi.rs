//! A request that is sent validates against Mixpanel's own OpenAPI file.

use std::io::Read;
use std::sync::Arc;

use driftless_core::config::IdMerge;
use driftless_core::model::{Columns, Row, RunId, SchemaLock, Value as Cell};
use driftless_core::ports::{Destination, Mutation, PayloadName};
use driftless_destinations::mixpanel::{MixpanelEvents, MixpanelTarget};
use driftless_testkit::shared;
use driftless_tests::simulation::Scenario;
use serde_json::Value;

const NAME: PayloadName<'_> = PayloadName { sync: "s", run: RunId(1), batch: 0 };

fn specification() -> Option<Value> {
    let text = std::fs::read_to_string(shared("reference/openapi/ingestion.openapi.yaml")?).expect("it is readable");
    Some(serde_saphyr::from_str(&text).expect("the specification is YAML"))
}

fn destination() -> MixpanelEvents {
    let target = MixpanelTarget {
        name: "product".into(),
        url: "https://api.mixpanel.com".into(),
        project_id: Some("2195193".into()),
        retention_days: None,
        id_merge: IdMerge::Simplified,
    };
    MixpanelEvents::new(target, Scenario::Change.config(false).events.expect("a mapping")).expect("valid mapping")
}

fn payload(destination: &MixpanelEvents) -> Vec<u8> {
    let names = ["event", "at", "user", "k", "text", "number", "nested", "flag", "none"];
    let columns = Arc::new(Columns { names: names.map(String::from).to_vec() });
    let values = [
        Cell::Text("Bought \"it\"".into()),
        Cell::Int(1_704_067_200_000),
        Cell::Text("user-1".into()),
        Cell::Text("k1".into()),
        Cell::Text("line\nbreak \u{1} ü".into()),
        Cell::Number("12.50".into()),
        Cell::Json("{\"a\": [1, {\"b\": null}]}".into()),
        Cell::Bool(true),
        Cell::Null,
    ];
    let mut lines = Vec::new();
    let mut encoder = destination.encoder(&Default::default());
    encoder.encode(Row { columns: &columns, values: &values }, &mut lines).expect("a valid row");
    encoder.close("0123456789abcdef0123456789abcdef", Mutation::Insert, &mut lines);
    let identity = driftless_core::model::Identity {
        event: "Bought".into(),
        distinct_id: "user-1".into(),
        time_ms: 1_704_067_200_000,
        insert_id: "0123456789abcdef0123456789abcdef".into(),
    };
    destination.tombstone(&identity, &SchemaLock::default(), &mut lines);
    lines
}

fn compressed(destination: &MixpanelEvents, lines: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    destination.compress(lines, &mut body);
    body
}

#[test]
fn a_request_is_what_the_specification_asks_for() {
    let Some(specification) = specification() else { return };
    let import = &specification["paths"]["/import"]["post"];
    let destination = destination();
    let lines = payload(&destination);
    let request = destination.request(NAME, compressed(&destination, &lines).into());

    let (url, query) = request.url.split_once('?').expect("a query");
    assert_eq!(url, "https://api.mixpanel.com/import");
    let query: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    for parameter in import["parameters"].as_array().expect("parameters") {
        let name = parameter["name"].as_str().expect("a name");
        let value = match parameter["in"].as_str() {
            Some("query") => query.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()),
            _ => request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone()),
        };
        if parameter["required"] == true {
            assert!(value.is_some(), "{name} is required");
        }
        if let (Some(value), Some(allowed)) = (value, parameter["schema"]["enum"].as_array()) {
            assert!(allowed.iter().any(|a| a == &value), "{name}: {value} is not among {allowed:?}");
        }
    }

    let mut body = String::new();
    flate2::read::GzDecoder::new(&request.body[..]).read_to_string(&mut body).expect("gzip");
    let events: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    assert_eq!(events.len(), 2);
    let schema = &import["requestBody"]["content"]["application/json"]["schema"];
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&Value::Array(events)).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn the_same_lines_are_the_same_bytes() {
    let destination = destination();
    let lines = payload(&destination);
    let body = compressed(&destination, &lines);
    assert_eq!(body, compressed(&destination, &payload(&destination)));
    let back = destination.decompress(&body, lines.len() as u64).expect("own bytes");
    assert_eq!(back, lines);
}
