use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware;
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};

use super::console::{Console, authenticate};
use super::error::{in_json, unknown};
use super::stored::stored;
use super::{credentials, events, faults, groups, page, services, state, users};
use crate::host::{self, Hosts};

/// What is kept of a user, a group, a configuration.
const MAX_BODY: usize = 16 * 1024;

/// Returns the routes of the console's port. Names are in the path or, where a URL has no place for them as for `..`, in
/// `?name=`.
pub(crate) fn routes(console: Console, hosts: Hosts) -> Router {
    let api = Router::new()
        .route("/state", get(state::state))
        .route("/usage", get(state::usage))
        .route("/events", get(events::stream))
        .route("/users", of_users())
        .route("/users/{name}", of_users())
        .route("/groups", of_groups())
        .route("/groups/{name}", of_groups())
        .route("/tokens", post(credentials::issue_token))
        .route("/tokens/revoke", post(credentials::revoke_token))
        .route("/access-keys", post(credentials::issue_key))
        .route("/access-keys/revoke", post(credentials::revoke_key))
        .route("/services/config", put(services::set_config))
        .route("/services/{name}/config", put(services::set_config))
        .route("/webhooks/{id}", delete(services::remove_webhook))
        .route("/dialect", put(faults::set_dialect))
        .route("/faults", post(faults::switch_on))
        .route("/faults/clear", post(faults::switch_off))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(console.clone(), stored))
        .layer(middleware::from_fn_with_state(console.clone(), authenticate))
        .layer(middleware::map_response(in_json))
        .with_state(console);
    Router::new()
        .nest("/api", api)
        .merge(page::routes())
        .layer(middleware::map_response(with_headers))
        .layer(middleware::from_fn_with_state(hosts, host::check))
}

fn of_users() -> MethodRouter<Console> {
    post(users::add).patch(users::edit).delete(users::remove)
}

fn of_groups() -> MethodRouter<Console> {
    put(groups::put).delete(groups::remove)
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
