//! template.yaml, as far as the emulator deploys it: everything but the functions, which run beside it.

use std::time::{Duration, Instant};

use driftless_testkit::repository;
use serde_json::{Map, Value};

use super::emulator::Account;

/// How long a deployment may take.
const DEPLOY_MAX: Duration = Duration::from_secs(60);

/// The template.
pub struct Template(Value);

/// A function as the template declares it, parameters at their defaults.
#[derive(Clone, Debug)]
pub struct FunctionDefinition {
    /// Its binary.
    pub binary: String,
    /// Time of a call.
    pub timeout: Duration,
    /// Memory.
    pub memory_mb: u32,
    /// Most messages of a call, if a queue calls it.
    pub batch_size: Option<i32>,
}

impl Template {
    /// That of the repository.
    pub fn read() -> Self {
        Self(serde_saphyr::from_str(&std::fs::read_to_string(repository().join("template.yaml")).unwrap()).unwrap())
    }

    /// The functions.
    pub fn functions(&self) -> Vec<FunctionDefinition> {
        let resources = self.0["Resources"].as_object().unwrap().values();
        let functions = resources.filter(|resource| resource["Type"] == "AWS::Serverless::Function");
        functions
            .map(|function| {
                let properties = &function["Properties"];
                let events = properties["Events"].as_object().unwrap().values();
                FunctionDefinition {
                    binary: function["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_string(),
                    timeout: Duration::from_secs(self.number(&properties["Timeout"])),
                    memory_mb: u32::try_from(self.number(&properties["MemorySize"])).unwrap(),
                    batch_size: events
                        .filter(|event| event["Type"] == "SQS")
                        .map(|event| i32::try_from(self.number(&event["Properties"]["BatchSize"])).unwrap())
                        .next(),
                }
            })
            .collect()
    }

    /// Method and path pattern of every route of the API.
    pub fn routes(&self) -> Vec<(String, String)> {
        let events = self.0["Resources"]["SyncNowFunction"]["Properties"]["Events"].as_object().unwrap().values();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        events.map(|event| (text(&event["Properties"]["Method"]), text(&event["Properties"]["Path"]))).collect()
    }

    /// A number, or the default of the parameter that stands for it.
    fn number(&self, value: &Value) -> u64 {
        let parameter = value["Ref"].as_str().map(|name| &self.0["Parameters"][name]["Default"]);
        parameter.unwrap_or(value).as_u64().unwrap()
    }

    /// Deploys it as a stack, without its functions and without what is there for them alone.
    pub async fn deploy(&self, account: &Account, stack: &str, parameters: &[(&str, &str)]) {
        let body = self.without_functions().to_string();
        let mut form = vec![
            ("Version".to_string(), "2010-05-15".to_string()),
            ("StackName".to_string(), stack.to_string()),
            ("Capabilities.member.1".to_string(), "CAPABILITY_IAM".to_string()),
            ("TemplateBody".to_string(), body),
        ];
        for (n, (name, value)) in parameters.iter().enumerate() {
            form.push((format!("Parameters.member.{}.ParameterKey", n + 1), name.to_string()));
            form.push((format!("Parameters.member.{}.ParameterValue", n + 1), value.to_string()));
        }
        call(account, "CreateStack", &form).await;
        let began = Instant::now();
        loop {
            let described = call(account, "DescribeStacks", &form[..2]).await;
            if described.contains("CREATE_COMPLETE") {
                return;
            }
            let failed = described.contains("ROLLBACK") || described.contains("FAILED");
            assert!(!failed && began.elapsed() < DEPLOY_MAX, "{described}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Drops functions and the API, then what refers to something that was dropped, until nothing does. Outputs go, too.
    fn without_functions(&self) -> Value {
        let mut template = self.0.clone();
        let parts = template.as_object_mut().unwrap();
        ["Transform", "Globals", "Outputs", "Metadata"].iter().for_each(|part| drop(parts.remove(*part)));
        let resources = template["Resources"].as_object_mut().unwrap();
        let all: Vec<String> = resources.keys().cloned().collect();
        resources.retain(|_, resource| !resource["Type"].as_str().unwrap().starts_with("AWS::Serverless"));
        loop {
            let known: Vec<String> = resources.keys().cloned().collect();
            let lost: Vec<&String> = all.iter().filter(|name| !known.contains(name)).collect();
            let before = resources.len();
            resources.retain(|_, resource| !lost.iter().any(|name| refers_to(resource, name)));
            if resources.len() == before {
                return template;
            }
        }
    }
}

/// Whether a reference to the resource is anywhere in the value.
fn refers_to(value: &Value, name: &str) -> bool {
    let is_reference = |fields: &Map<String, Value>| {
        let substituted = fields.get("Fn::Sub").map(|sub| sub.as_str().or_else(|| sub[0].as_str()).unwrap_or_default());
        fields.get("Ref").is_some_and(|to| to == name)
            || fields.get("Fn::GetAtt").is_some_and(|to| to[0] == name)
            || substituted
                .is_some_and(|text| text.contains(&format!("${{{name}}}")) || text.contains(&format!("${{{name}.")))
    };
    match value {
        Value::Object(fields) => is_reference(fields) || fields.values().any(|value| refers_to(value, name)),
        Value::Array(values) => values.iter().any(|value| refers_to(value, name)),
        _ => false,
    }
}

async fn call(account: &Account, action: &str, form: &[(String, String)]) -> String {
    let pairs = form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body =
        form_urlencoded::Serializer::new(String::new()).append_pair("Action", action).extend_pairs(pairs).finish();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // The emulator checks no signature, but takes the account from it.
    let scope = format!("AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/cloudformation/aws4_request", account.id);
    let request = client.post(&account.url).header("authorization", scope).body(body);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{action}: {text}");
    text
}
