//! Sign out (OpenID Connect RP-Initiated Logout 1.0).

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::cookie::Cookie;
use super::door::Door;
use super::page;
use super::redirect::with_parameters;
use super::submit::is_own;
use super::words::Words;
use crate::hub::{Hub, What};

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    id_token_hint: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// Ends the session of an ID token, which only its app and its user have. Without one, asks whether it is meant: a link of any
/// page may lead here.
pub(super) async fn ask(
    State(door): State<Door>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let (hub, words) = (door.hub(), Words::of(&headers));
    let Ok(Query(parameters)) = parameters else {
        return page::error(words, StatusCode::BAD_REQUEST, words.malformed);
    };
    // No access token: those are in the hands of services.
    let hint = parameters.id_token_hint.as_deref();
    let claims = hint.and_then(|token| hub.log_ins().signer().read("JWT", token));
    let Some(claims) = claims else { return page::sign_out(words) };
    end_session(hub, claims["sid"].as_str().unwrap_or_default());
    let app = claims["aud"].as_str().and_then(|id| hub.app(id));
    let uri = parameters.post_logout_redirect_uri.as_ref();
    let uri = uri.filter(|uri| app.is_some_and(|app| app.post_logout_redirect_uris.contains(uri)));
    let answer = match uri {
        Some(uri) => {
            Redirect::to(&with_parameters(uri, &[("state", parameters.state.as_deref())])).into_response()
        }
        None => page::signed_out(words),
    };
    (without_cookie(hub), answer).into_response()
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// Ends the session of the browser.
pub(super) async fn end(
    State(door): State<Door>,
    headers: HeaderMap,
    form: Result<Form<Nothing>, FormRejection>,
) -> Response {
    let (hub, words) = (door.hub(), Words::of(&headers));
    if let Err(rejection) = form {
        return page::error(words, rejection.status(), words.malformed);
    }
    let issuer = hub.log_ins().issuer();
    if !is_own(&headers, issuer) {
        return page::error(words, StatusCode::FORBIDDEN, words.foreign);
    }
    let session = Cookie::Session.read(&headers, issuer).and_then(|cookie| hub.log_ins().session(&cookie));
    if let Some(session) = session {
        end_session(hub, &session.id);
    }
    (without_cookie(hub), page::signed_out(words)).into_response()
}

fn end_session(hub: &Hub, session_id: &str) {
    let (username, revoked) = hub.log_ins().end(session_id);
    for token in revoked {
        hub.center().revoke_token(&token);
    }
    if let Some(username) = username {
        hub.events().add(What::LogOut { username });
    }
}

fn without_cookie(hub: &Hub) -> AppendHeaders<[(axum::http::HeaderName, String); 1]> {
    AppendHeaders([(SET_COOKIE, Cookie::Session.write("", 0, hub.log_ins().issuer()))])
}
