use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connect::{names_an_endpoint, sdk_config};
use crate::meter::Trigger;
use crate::settings::Settings;
use crate::stack::Stack;

/// Runs a function of the stack until its environment ends. `environment` is what the process was started with: settings
/// are read and checked once, and a wrong one ends the start with all problems in one line.
pub async fn run_function<E, A, F>(
    environment: BTreeMap<String, String>,
    trigger: Trigger,
    handle: fn(Arc<Stack>, LambdaEvent<E>) -> F,
) -> Result<(), Error>
where
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Error>> + Send + 'static,
{
    let began = Instant::now();
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
    // Lambda sets it (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, 2026-11).
    let memory_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mb| mb.parse().ok()).unwrap_or(0);
    let path_style = names_an_endpoint(environment);
    let stack = Arc::new(Stack::new(settings, &config, path_style, memory_mb)?);
    // The start is billed with the first call.
    let (init, is_first) = (began.elapsed(), Arc::new(AtomicBool::new(true)));
    let call = move |event: LambdaEvent<E>| {
        let stack = stack.clone();
        let init = is_first.swap(false, Ordering::Relaxed).then_some(init);
        async move {
            stack.meter().call_begins(trigger, init);
            let answer = handle(stack.clone(), event).await;
            // Before the answer: the environment may be frozen after it.
            if let Err(error) = stack.observer().send_events().await {
                tracing::warn!(%error, "events are lost");
            }
            stack.meter().call_ends();
            answer
        }
    };
    lambda_runtime::run(service_fn(call)).await
}
