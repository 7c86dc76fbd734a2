//! template.yaml against the code: names, times, sizes, and who may do what.
//!
//! `DRIFTLESS_BLESS=1` writes the table of permissions into infra/README.md anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use driftless_aws::Settings;
use driftless_core::protocol::limits::{CLAIM_LEASE_MS, PLAN_LEASE_MS};
use driftless_testkit::repository;
use serde_json::Value;

/// Function, its queue.
const BY_QUEUE: [(&str, &str); 3] =
    [("DetectFunction", "NoticesQueue"), ("PlanFunction", "PlansQueue"), ("DeliverFunction", "BatchesQueue")];

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap()
}

fn template() -> Value {
    serde_saphyr::from_str(&read("template.yaml")).unwrap()
}

fn properties<'a>(template: &'a Value, resource: &str) -> &'a Value {
    let properties = &template["Resources"][resource]["Properties"];
    assert!(properties.is_object(), "{resource} is not in the template");
    properties
}

#[test]
fn functions_get_the_settings_that_they_read() {
    let template = template();
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    let given: BTreeSet<&str> = variables.as_object().unwrap().keys().map(String::as_str).collect();
    let mut read: BTreeSet<&str> = Settings::NAMES.into();
    read.insert("DRIFTLESS_LOG");
    assert_eq!(given, read);

    // Operators find the same ones in the parameter.
    let value = &properties(&template, "SettingsParameter")["Value"]["Fn::Sub"][0];
    let published: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
    let published: BTreeSet<&str> = published.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(published, Settings::NAMES.into());
}

#[test]
fn every_function_is_a_binary_of_the_workspace() {
    let template = template();
    let functions =
        template["Resources"].as_object().unwrap().values().filter(|r| r["Type"] == "AWS::Serverless::Function");
    let binaries: BTreeSet<String> = functions
        .map(|function| function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_string())
        .collect();
    let expected = ["deliver", "detect", "plan", "sweep", "sync-now"].map(String::from);
    assert_eq!(binaries, expected.clone().into());
    for binary in expected {
        let manifest = read(&format!("functions/{binary}/Cargo.toml"));
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{binary}\"")), "{binary}");
    }
}

#[test]
fn queues_hide_messages_for_six_times_the_time_of_their_functions() {
    let template = template();
    for (function, queue) in BY_QUEUE {
        let timeout_s = properties(&template, function)["Timeout"].as_u64().unwrap();
        let queue = properties(&template, queue);
        let hidden_s = queue["VisibilityTimeout"].as_u64().unwrap();
        assert!(hidden_s >= 6 * timeout_s, "{function}: {hidden_s} s");
        assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap() >= 5, "{function}");
        let events = properties(&template, function)["Events"].as_object().unwrap();
        for event in events.values() {
            let event = &event["Properties"];
            assert_eq!(event["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{function}");
            assert!(event["BatchSize"].as_u64().unwrap() <= 10, "{function}");
        }
    }
}

#[test]
fn leases_and_times_of_functions_fit() {
    let template = template();
    let timeout_ms = |function: &str| properties(&template, function)["Timeout"].as_i64().unwrap() * 1_000;
    // A planner that is still alive holds its lease; a deliverer stops sending before its own ends.
    assert!(PLAN_LEASE_MS > timeout_ms("PlanFunction"));
    assert!(timeout_ms("DeliverFunction") > CLAIM_LEASE_MS);
    assert!(timeout_ms("SyncNowFunction") < 30_000, "an HTTP API waits for 30 s");
}

#[test]
fn the_table_is_the_one_that_the_ports_use() {
    let template = template();
    let table = properties(&template, "StateTable");
    let keys: Vec<&str> =
        table["KeySchema"].as_array().unwrap().iter().map(|key| key["AttributeName"].as_str().unwrap()).collect();
    assert_eq!(keys, ["pk", "sk"]);
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "expires_at_s");
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(template["Resources"]["StateTable"]["DeletionPolicy"], "Retain");
}

#[test]
fn no_route_is_open() {
    let template = template();
    let api = &properties(&template, "SyncNowApi")["Auth"];
    assert_eq!((&api["DefaultAuthorizer"], &api["EnableIamAuthorizer"]), (&"AWS_IAM".into(), &true.into()));
    let routes: BTreeSet<String> = properties(&template, "SyncNowFunction")["Events"]
        .as_object()
        .unwrap()
        .values()
        .map(|event| {
            let route = &event["Properties"];
            assert!(route["Auth"].is_null(), "a route of its own authorization: {route}");
            format!("{} {}", route["Method"].as_str().unwrap(), route["Path"].as_str().unwrap())
        })
        .collect();
    let openapi: Value = serde_saphyr::from_str(&read("infra/openapi.yaml")).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "parameters") {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(routes, described);
    let code = read("functions/sync-now/src/main.rs");
    assert!(routes.iter().all(|route| code.contains(&format!("\"{route}\""))), "{routes:?}");
}

#[test]
fn alarms_watch_metrics_that_are_written() {
    let observer = read("shared/aws/src/observer.rs");
    let template = template();
    let mut watched = BTreeSet::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        let properties = &resource["Properties"];
        if resource["Type"] == "AWS::CloudWatch::Alarm" && properties["Namespace"] == "Driftless" {
            watched.insert(properties["MetricName"].as_str().unwrap().to_string());
        }
    }
    assert!(!watched.is_empty());
    for metric in watched {
        assert!(observer.contains(&format!("\"{metric}\"")), "{metric} is never written");
    }
}

#[test]
fn the_table_of_permissions_is_that_of_the_template() {
    let readme = read("infra/README.md");
    let (before, rest) = readme.split_once("<!-- iam:begin -->").unwrap();
    let (written, after) = rest.split_once("<!-- iam:end -->").unwrap();
    let table = permissions(&template());
    if std::env::var_os("DRIFTLESS_BLESS").is_some() {
        let readme = format!("{before}<!-- iam:begin -->\n{table}<!-- iam:end -->{after}");
        std::fs::write(repository().join("infra/README.md"), readme).unwrap();
    } else {
        assert_eq!(written.trim(), table.trim(), "run again with DRIFTLESS_BLESS=1");
    }
}

/// One line a statement: role, actions, resources, condition.
fn permissions(template: &Value) -> String {
    let mut table = "| function | may | on | if |\n|---|---|---|---|\n".to_string();
    for (name, role) in template["Resources"].as_object().unwrap() {
        let Some(function) = name.strip_suffix("Role").filter(|_| role["Type"] == "AWS::IAM::Role") else { continue };
        for policy in role["Properties"]["Policies"].as_array().into_iter().flatten() {
            for statement in list(&policy["PolicyDocument"]["Statement"]) {
                // A statement that only some stacks have is the second part of an Fn::If.
                let (statement, only) = match statement.get("Fn::If") {
                    Some(parts) => (&parts[1], format!("{}; ", parts[0].as_str().unwrap())),
                    None => (statement, String::new()),
                };
                let actions = list(&statement["Action"]).into_iter().map(short).collect::<Vec<_>>().join(", ");
                assert!(!actions.contains('*') || actions.contains("/*"), "{function}: {actions}");
                let resources = list(&statement["Resource"]).into_iter().map(short).collect::<Vec<_>>().join(", ");
                let condition = match &statement["Condition"] {
                    Value::Null => only.trim_end_matches("; ").to_string(),
                    condition => format!("{only}{}", short(condition)),
                };
                table += &format!("| {function} | {actions} | {resources} | {condition} |\n");
            }
        }
    }
    table
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        value => vec![value],
    }
}

/// An expression of the template as short text.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.iter().next().map(|(name, value)| (name.as_str(), value)) {
            Some(("Ref", name)) => short(name),
            Some(("Fn::GetAtt", parts)) => short(&parts[0]),
            Some(("Fn::Sub", Value::Array(parts))) => short(&parts[0]),
            Some(("Fn::Sub", text)) => short(text),
            Some(("Fn::If", parts)) => format!("{} or {}", short(&parts[1]), short(&parts[2])),
            _ => fields.iter().map(|(name, value)| format!("{name} {}", short(value))).collect::<Vec<_>>().join(", "),
        },
        Value::Array(values) => values.iter().map(short).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
