//! What the handlers share, and how they answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::amplitude::throttle::Throttle;
use crate::answer::Answer;
use crate::faults::{Fault, FaultPlan};
use crate::mixpanel::answer;
use crate::mixpanel::auth::Project;
use crate::store::{Store, StoreError};

/// The query parameters of a request, in order.
pub(super) type Query = axum::extract::Query<Vec<(String, String)>>;

/// What the handlers share.
#[derive(Debug, Clone)]
pub(super) struct State(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    projects: Vec<Project>,
    faults: Mutex<Faults>,
    throttle: Mutex<Throttle>,
    mutation_files: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Faults {
    plan: FaultPlan,
    requests: u64,
}

impl State {
    pub(super) fn new(
        store: Arc<Store>,
        projects: Vec<Project>,
        plan: FaultPlan,
        throttle: Throttle,
        mutation_files: Option<PathBuf>,
    ) -> Self {
        let faults = Mutex::new(Faults { plan, requests: 0 });
        Self(Arc::new(Shared { store, projects, faults, throttle: Mutex::new(throttle), mutation_files }))
    }

    /// What Amplitude took of each user lately.
    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of mutation files.
    pub(super) fn mutation_files(&self) -> Option<PathBuf> {
        self.0.mutation_files.clone()
    }

    /// The project that lets a request in.
    pub(super) fn project(&self, authorization: Option<&str>, project_id: Option<&str>) -> Option<&Project> {
        let mut projects = self.0.projects.iter();
        projects.find(|project| project.lets_in(authorization, project_id))
    }

    /// The name under which a token's profiles are kept.
    pub(super) fn project_of_token(&self, token: &str) -> Option<String> {
        self.0.projects.iter().find_map(|project| project.of_token(token))
    }

    /// Numbers an import and decides what happens to it.
    pub(super) fn next_fault(&self) -> (FaultPlan, Fault) {
        let mut faults = self.faults();
        let fault = faults.plan.decide(faults.requests);
        faults.requests += 1;
        (faults.plan.clone(), fault)
    }

    pub(super) fn plan(&self) -> FaultPlan {
        self.faults().plan.clone()
    }

    /// Replaces the plan and numbers imports from 0 again, so that a plan fails the same ones each time.
    pub(super) fn set_plan(&self, plan: FaultPlan) {
        *self.faults() = Faults { plan, requests: 0 };
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs blocking work on the store.
    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Response> {
        let store = Arc::clone(&self.0.store);
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error_response(StatusCode::INTERNAL_SERVER_ERROR, error)),
            Err(ended) => Err(error_response(StatusCode::INTERNAL_SERVER_ERROR, ended)),
        }
    }
}

/// A header as text.
pub(super) fn text_header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An error of the sandbox itself, or of a route that Mixpanel documents no errors for.
pub(super) fn error_response(status: StatusCode, error: impl ToString) -> Response {
    let body = serde_json::json!({"status": "error", "error": error.to_string()});
    (status, axum::Json(body)).into_response()
}

/// An answer over HTTP.
pub(super) fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(answer.body)).into_response();
    if let Some(seconds) = answer.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// 401 as Mixpanel words it.
pub(super) fn unauthorized() -> Response {
    response(answer::unauthorized())
}
