use http::{Method, StatusCode};

use super::request::Request;
use super::{
    credentials, feishu_identity, feishu_message, groups, other_apps, services, stats, sync, users, webhooks,
};
use crate::testing::call::Call;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::response::EnvelopeResponse;
use crate::testing::state::State;

type Endpoint = fn(&mut State, &Request) -> Outcome;

fn find(endpoint: &str) -> Option<Endpoint> {
    Some(match endpoint {
        "/token/verify" => credentials::verify_token,
        "/user/info" => credentials::user_info,
        "/permission/check" => credentials::check_permissions,
        "/access-key/verify" => credentials::verify_access_key,
        "/access-key/create" => credentials::create_access_key,
        "/users/batch" => users::by_names,
        "/users/batch-by-ids" => users::by_ids,
        "/users/list" => users::list,
        "/users/compare-identity" => other_apps::compare_identity,
        "/users/authorize-by-token" => other_apps::authorize_by_token,
        "/groups/list" => groups::list,
        "/feishu/message" => feishu_message::send,
        "/feishu/identity/users/sync" => feishu_identity::sync,
        "/feishu/identity/users/token" => feishu_identity::issue_token,
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

/// Handles a call as a healthy auth center does.
pub(crate) fn handle(state: &mut State, call: Call) -> EnvelopeResponse {
    match route(state, call) {
        Ok(data) => EnvelopeResponse::success(data),
        Err(rejection) => EnvelopeResponse::failure(rejection.status, rejection.code, rejection.message),
    }
}

fn route(state: &mut State, call: Call) -> Outcome {
    let not_found = || Rejection::http(StatusCode::NOT_FOUND, "no such endpoint");
    let known = state.dialect.has_endpoint(&call.endpoint);
    let endpoint = find(&call.endpoint).filter(|_| known).ok_or_else(not_found)?;
    if call.method != Method::POST {
        return Err(Rejection::http(StatusCode::METHOD_NOT_ALLOWED, "method not allowed: expected POST"));
    }
    let unknown_app = || Rejection::http(StatusCode::UNAUTHORIZED, "unknown app id or wrong app secret");
    let app = state.apps.authenticate(&call.headers).ok_or_else(unknown_app)?;
    let not_json = || Rejection::http(StatusCode::BAD_REQUEST, "the body is not JSON");
    let body = call.body.ok_or_else(not_json)?;
    endpoint(state, &Request { app, headers: call.headers, body })
}
