//! Ask the user who they are, for an app (RFC 6749 section 4.1, RFC 7636, OpenID Connect Core 1.0 section 3.1).

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::cookie::Cookie;
use super::discovery::SCOPES;
use super::door::Door;
use super::page;
use super::redirect::with_parameters;
use super::sessions::{Asked, PENDING, Session};
use super::words::Words;
use crate::hub::Hub;

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    response_type: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    login_hint: Option<String>,
    /// In seconds: how long ago the user may have logged in.
    max_age: Option<String>,
    response_mode: Option<String>,
    request: Option<String>,
    request_uri: Option<String>,
}

/// Of `state` and `nonce`, in bytes: they are kept while the page is open.
const MAX_TEXT: usize = 2_048;

pub(super) async fn authorize(
    State(door): State<Door>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let (hub, words) = (door.hub(), Words::of(&headers));
    let Ok(Query(parameters)) = parameters else {
        return page::error(words, StatusCode::BAD_REQUEST, words.malformed);
    };
    // Where the redirect URI is not the app's, nobody may be led there.
    let app = parameters.client_id.as_deref().and_then(|id| hub.app(id));
    let Some(app) = app else { return page::error(words, StatusCode::BAD_REQUEST, words.unknown_app) };
    let uri = parameters.redirect_uri.clone().unwrap_or_default();
    if !app.redirect_uris.contains(&uri) {
        return page::error(words, StatusCode::BAD_REQUEST, words.unknown_redirect_uri);
    }
    let state = parameters.state.clone();
    let refuse = |error, text| {
        let issuer = hub.log_ins().issuer();
        let parameters = [
            ("error", Some(error)),
            ("error_description", Some(text)),
            ("state", state.as_deref()),
            ("iss", Some(issuer)),
        ];
        Redirect::to(&with_parameters(&uri, &parameters)).into_response()
    };
    let asked = match asked(&parameters, app.id, uri.clone()) {
        Ok(asked) => asked,
        Err((error, text)) => return refuse(error, text),
    };
    let session = Cookie::Session.read(&headers, hub.log_ins().issuer());
    let session = session.and_then(|cookie| hub.log_ins().session(&cookie));
    let (prompt, session) = match prompt(&parameters) {
        Ok((prompt, max_age)) => (prompt, session.filter(|session| session.is_as_young_as(max_age))),
        Err((error, text)) => return refuse(error, text),
    };
    match (prompt, session) {
        (Prompt::None, None) => refuse("login_required", "nobody is logged in, or not lately enough"),
        (Prompt::LogIn, _) | (_, None) => {
            let (id, browser) = hub.log_ins().ask(asked.clone());
            let page = page::log_in(hub, words, &asked, &id, parameters.login_hint.as_deref(), None);
            let cookie = Cookie::Page.write(&browser, PENDING.as_secs(), hub.log_ins().issuer());
            (AppendHeaders([(SET_COOKIE, cookie)]), page).into_response()
        }
        (_, Some(session)) => Redirect::to(&answer(hub, asked, session)).into_response(),
    }
}

/// Whether the user is to be asked (OpenID Connect Core 1.0 section 3.1.2.1).
enum Prompt {
    /// Not at all.
    None,
    /// In any case.
    LogIn,
    /// Where nobody is logged in.
    Needed,
}

/// Returns the `prompt`, and `max_age` if there is one.
fn prompt(parameters: &Parameters) -> Result<(Prompt, Option<Duration>), (&'static str, &'static str)> {
    let wanted: Vec<_> = parameters.prompt.as_deref().unwrap_or_default().split_whitespace().collect();
    let prompt = match &wanted[..] {
        ["none"] => Prompt::None,
        wanted if wanted.contains(&"none") => {
            return Err(("invalid_request", "prompt=none goes with no other prompt"));
        }
        // The page lets another user be chosen.
        wanted if wanted.iter().any(|prompt| matches!(*prompt, "login" | "select_account")) => Prompt::LogIn,
        _ => Prompt::Needed,
    };
    let max_age = match parameters.max_age.as_deref().map(str::parse) {
        None => None,
        Some(Ok(seconds)) => Some(Duration::from_secs(seconds)),
        Some(Err(_)) => return Err(("invalid_request", "expected max_age to be a number of seconds")),
    };
    Ok((prompt, max_age))
}

/// Returns where the browser takes a code to.
pub(super) fn answer(hub: &Hub, asked: Asked, session: Session) -> String {
    let (uri, state) = (asked.redirect_uri.clone(), asked.state.clone());
    let code = hub.log_ins().code(asked, session);
    let issuer = hub.log_ins().issuer();
    with_parameters(&uri, &[("code", Some(&code)), ("state", state.as_deref()), ("iss", Some(issuer))])
}

/// What is asked for, or the error that the app gets.
fn asked(
    parameters: &Parameters,
    app_id: String,
    redirect_uri: String,
) -> Result<Asked, (&'static str, &'static str)> {
    if parameters.response_type.as_deref() != Some("code") {
        return Err(("unsupported_response_type", "expected response_type=code"));
    }
    if parameters.request.is_some() {
        return Err(("request_not_supported", "expected the parameters themselves"));
    }
    if parameters.request_uri.is_some() {
        return Err(("request_uri_not_supported", "expected the parameters themselves"));
    }
    if parameters.response_mode.as_deref().is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "expected response_mode=query, or none"));
    }
    let challenge = parameters.code_challenge.clone().unwrap_or_default();
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    // A SHA-256 in base64url.
    if parameters.code_challenge_method.as_deref() != Some("S256")
        || challenge.len() != 43
        || !challenge.bytes().all(is_base64url)
    {
        return Err(("invalid_request", "expected PKCE: code_challenge with code_challenge_method=S256"));
    }
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_TEXT);
    if is_long(&parameters.state) || is_long(&parameters.nonce) {
        return Err(("invalid_request", "state or nonce is longer than 2,048 bytes"));
    }
    let scope = parameters.scope.as_deref().unwrap_or_default();
    let known = scope.split_whitespace().filter(|scope| SCOPES.contains(scope));
    Ok(Asked {
        app_id,
        redirect_uri,
        scope: known.collect::<Vec<_>>().join(" "),
        state: parameters.state.clone().filter(|state| !state.is_empty()),
        nonce: parameters.nonce.clone(),
        challenge,
    })
}
