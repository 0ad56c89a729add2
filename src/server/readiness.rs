use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::ports::readiness::{PartState, ReadinessProbe};

/// Answers whether a service is ready: 200 if all parts are, and otherwise 503, with the state of each as JSON. Cheap to clone.
///
/// The answer has words, and neither addresses nor secrets: the endpoint is for load balancers and Kubernetes, which send no
/// credential. So mount it outside of the [`AuthLayer`](crate::AuthLayer): add it after `.layer(auth)`, or exclude its path.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use aigc_auth::readiness::Readiness;
/// use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
/// use axum::Router;
/// use axum::routing::get;
///
/// # fn app(client: AuthClient) -> Router {
/// let readiness = Readiness::new().part("auth_center", client.clone());
/// Router::new()
///     .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
///     .layer(AuthLayer::new(client))
///     .merge(readiness.router("/readyz")) // after the layer: open
/// # }
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Readiness {
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    name: &'static str,
    probe: Arc<dyn ReadinessProbe>,
    counts: bool,
}

impl Readiness {
    /// Starts without parts: a service without any is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part without which the service is not ready. A second one of the same name takes the place of the first.
    pub fn part(self, name: &'static str, probe: impl ReadinessProbe) -> Self {
        self.add(name, probe, true)
    }

    /// Adds a part that is shown, and that the service is ready without: such as an auth center whose users are cached, where a
    /// service that leaves the rotation would make an outage worse.
    pub fn shown(self, name: &'static str, probe: impl ReadinessProbe) -> Self {
        self.add(name, probe, false)
    }

    fn add(mut self, name: &'static str, probe: impl ReadinessProbe, counts: bool) -> Self {
        self.parts.retain(|part| part.name != name);
        self.parts.push(Part { name, probe: Arc::new(probe), counts });
        self
    }

    /// Whether all parts that count are ready.
    pub fn is_ready(&self) -> bool {
        self.parts.iter().all(|part| !part.counts || part.probe.readiness().is_ready())
    }

    /// Returns a router that answers `GET` and `HEAD` of this path.
    pub fn router<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        let readiness = self.clone();
        Router::new().route(path, get(move || async move { readiness }))
    }
}

/// 200 or 503, with `{"ready": …, "parts": {"<name>": {"ready": …, "state": "…"}}}`; never to be cached.
impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        // Each part is asked once, so that status and body agree.
        let states: Vec<(&Part, PartState)> =
            self.parts.iter().map(|part| (part, part.probe.readiness())).collect();
        let is_ready = states.iter().all(|(part, state)| !part.counts || state.is_ready());
        let shown = |(part, state): &(&Part, PartState)| {
            (part.name.to_owned(), json!({"ready": state.is_ready(), "state": state.state()}))
        };
        let parts: Map<String, Value> = states.iter().map(shown).collect();
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (status, headers, json!({"ready": is_ready, "parts": parts}).to_string()).into_response()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parts.iter().map(|part| part.name).collect();
        f.debug_struct("Readiness").field("parts", &names).finish()
    }
}
