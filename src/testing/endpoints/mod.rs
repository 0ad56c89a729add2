//! The endpoints: from the body of a call to the data of its answer.

use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::deliver::Reply;
use super::state::{Call, World};

mod credentials;
mod services;
mod stats;
mod sync;
mod users;
mod webhooks;

/// The data of an answer, or why there is none.
type Outcome = Result<Value, Refusal>;

type Endpoint = fn(&mut World, &Asked) -> Outcome;

/// A call that is refused, with an envelope in any case.
pub(super) struct Refusal {
    status: StatusCode,
    code: i64,
    message: String,
}

/// What an endpoint is given.
struct Asked {
    headers: HeaderMap,
    body: Value,
}

fn find(endpoint: &str) -> Option<Endpoint> {
    Some(match endpoint {
        "/token/verify" => credentials::verify_token,
        "/user/info" => credentials::user_info,
        "/permission/check" => credentials::check_permissions,
        "/access-key/verify" => credentials::verify_access_key,
        "/users/batch" => users::by_names,
        "/users/batch-by-ids" => users::by_ids,
        "/users/list" => users::list,
        "/sync/user" => sync::one,
        "/sync/batch" => sync::many,
        "/webhook/register" => webhooks::register,
        "/webhook/unregister" => webhooks::unregister,
        "/service/register" => services::register,
        "/service/heartbeat" => services::heartbeat,
        "/service/unregister" => services::unregister,
        "/stats/report/batch" => stats::report,
        _ => return None,
    })
}

/// Answers a call as a center in good health does.
pub(super) fn handle(world: &mut World, call: Call) -> Reply {
    match dispatch(world, call) {
        Ok(data) => Reply::success(data),
        Err(refusal) => Reply::failure(refusal.status, refusal.code, refusal.message),
    }
}

fn dispatch(world: &mut World, call: Call) -> Outcome {
    let endpoint = find(&call.endpoint).ok_or(Refusal::http(StatusCode::NOT_FOUND, "no such endpoint"))?;
    if call.method != Method::POST {
        return Err(Refusal::http(StatusCode::METHOD_NOT_ALLOWED, "every call is a POST"));
    }
    let sent = |name, expected: &str| call.headers.get(name).is_some_and(|value| value == expected);
    if !sent("x-app-id", &world.app_id) || !sent("x-app-secret", world.app_secret.expose()) {
        return Err(Refusal::http(StatusCode::UNAUTHORIZED, "unknown app, or wrong secret"));
    }
    let body = call.body.ok_or(Refusal::http(StatusCode::BAD_REQUEST, "the body is not JSON"))?;
    endpoint(world, &Asked { headers: call.headers, body })
}

impl Asked {
    /// The body, if it has the fields that the endpoint needs.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        T::deserialize(&self.body).map_err(|error| Refusal::bad_request(error.to_string()))
    }
}

impl Refusal {
    /// A business error: HTTP 200.
    pub(super) fn business(code: i64, message: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, code, message: message.into() }
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::business(404, message)
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::business(400, message)
    }

    fn http(status: StatusCode, message: &str) -> Self {
        Self { status, code: status.as_u16().into(), message: message.to_owned() }
    }
}
