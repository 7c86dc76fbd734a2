use std::collections::BTreeMap;

use aws_config::SdkConfig;

use crate::failure::port_error;

/// Region, credentials and endpoints as the environment and the user's AWS files name them.
pub async fn sdk_config() -> SdkConfig {
    aws_config::load_from_env().await
}

/// Whether the environment names an endpoint, which only emulators need: they want buckets in the path.
pub fn names_an_endpoint(environment: impl IntoIterator<Item = (String, String)>) -> bool {
    environment.into_iter().any(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"))
}

/// The settings that a stack keeps of itself in a parameter, for its operators: the functions' environment as JSON.
pub async fn published_settings(config: &SdkConfig, parameter: &str) -> Result<BTreeMap<String, String>, String> {
    let got = aws_sdk_ssm::Client::new(config).get_parameter().name(parameter).send().await;
    let got = got.map_err(|error| port_error("reading the stack's settings", error).to_string())?;
    let text = got.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| format!("its settings are not readable ({error})"))
}
