use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect::{names_an_endpoint, sdk_config};
use crate::settings::Settings;
use crate::stack::Stack;

/// Runs a function of the stack until its environment ends. `environment` is what the process was started with: settings
/// are read and checked once, and a wrong one ends the start with all problems in one line.
pub async fn run_function<E, A, F>(
    environment: BTreeMap<String, String>,
    handle: fn(Arc<Stack>, LambdaEvent<E>) -> F,
) -> Result<(), Error>
where
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Error>> + Send + 'static,
{
    let level = environment.get("DRIFTLESS_LOG").map_or("info", String::as_str);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_ansi(false)
        .init();
    let settings = Settings::read(&environment)?;
    let config = sdk_config().await;
    let path_style = names_an_endpoint(environment);
    let stack = Arc::new(Stack::new(settings, &config, path_style)?);
    let call = move |event: LambdaEvent<E>| {
        let stack = stack.clone();
        async move {
            let answer = handle(stack.clone(), event).await;
            // Before the answer: the environment may be frozen after it.
            if let Err(error) = stack.observer().send_events().await {
                tracing::warn!(%error, "events are lost");
            }
            answer
        }
    };
    lambda_runtime::run(service_fn(call)).await
}
