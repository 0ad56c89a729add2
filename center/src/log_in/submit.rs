//! Take the form of the log-in page.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::header::{ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::authorize::answer;
use super::cookie::Cookie;
use super::door::Door;
use super::page;
use super::sessions::SESSION;
use super::words::Words;
use crate::hub::{Hub, What};

#[derive(Debug, Deserialize)]
pub(super) struct LogIn {
    /// The id of the page.
    page: String,
    username: String,
    #[serde(default)]
    password: String,
}

pub(super) async fn log_in(
    State(door): State<Door>,
    headers: HeaderMap,
    form: Result<Form<LogIn>, FormRejection>,
) -> Response {
    let (hub, words) = (door.hub(), Words::of(&headers));
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return page::error(words, rejection.status(), words.malformed),
    };
    let issuer = hub.log_ins().issuer();
    if !is_own(&headers, issuer) {
        return page::error(words, StatusCode::FORBIDDEN, words.foreign);
    }
    let browser = Cookie::Page.read(&headers, issuer).unwrap_or_default();
    let Some(asked) = hub.log_ins().asked(&form.page, &browser) else {
        return page::error(words, StatusCode::BAD_REQUEST, words.page_is_over);
    };
    if let Err(text) = check(hub, words, &form) {
        let page = page::log_in(hub, words, &asked, &form.page, Some(&form.username), Some(text));
        return (StatusCode::UNAUTHORIZED, page).into_response();
    }
    let (session, cookie) = hub.log_ins().log_in(&form.page, &form.username);
    hub.events().add(What::LogIn { username: form.username.clone(), app_id: asked.app_id.clone() });
    if let Some(user) = hub.user(&form.username) {
        hub.notify("user.login", &form.username, &json!(user));
    }
    let cookies = [
        (SET_COOKIE, Cookie::Session.write(&cookie, SESSION.as_secs(), issuer)),
        (SET_COOKIE, Cookie::Page.write("", 0, issuer)),
    ];
    (AppendHeaders(cookies), Redirect::to(&answer(hub, asked, session))).into_response()
}

/// Whether a form comes from a page of this origin. Browsers say so with each POST.
pub(super) fn is_own(headers: &HeaderMap, issuer: &str) -> bool {
    match headers.get(ORIGIN) {
        Some(origin) => {
            let host = headers.get("host").map(|host| [b"http://", host.as_bytes()].concat());
            origin == issuer || host.is_some_and(|host| host == origin.as_bytes())
        }
        // No browser; the cookie of the page is asked for all the same.
        None => true,
    }
}

fn check(hub: &Hub, words: &'static Words, form: &LogIn) -> Result<(), &'static str> {
    let user = hub.user(&form.username);
    let has_password = hub.has_password(&form.username);
    if user.is_none() || (has_password && !hub.check_password(&form.username, &form.password)) {
        return Err(words.wrong_password);
    }
    if user.is_some_and(|user| user.status().is_some_and(|status| status != "active")) {
        return Err(words.disabled);
    }
    Ok(())
}
