//! The pages, without scripts.

use std::fmt::Write;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::redirect::origin;
use super::sessions::Asked;
use super::words::Words;
use crate::hub::Hub;

/// Users that can be clicked; further ones type their name.
const USERS: usize = 50;

/// The log-in page: a button for each user without a password, and a form for the others.
pub(super) fn log_in(
    hub: &Hub,
    words: &Words,
    asked: &Asked,
    page: &str,
    username: Option<&str>,
    problem: Option<&str>,
) -> Response {
    let app = hub.app(&asked.app_id).map_or_else(|| asked.app_id.clone(), |app| app.name);
    let mut body = format!("<h1>{}</h1><p>{} <b>{}</b></p>", words.log_in, words.for_app, escaped(&app));
    if let Some(problem) = problem {
        let _ = write!(body, "<p role=\"alert\">{problem}</p>");
    }
    let users = hub.center().users();
    let active = users.iter().filter(|user| user.status().is_none_or(|status| status == "active"));
    let (with, without): (Vec<_>, Vec<_>) = active.partition(|user| hub.has_password(user.username()));
    let form = format!(
        "<form method=\"post\" action=\"/oauth/log-in\"><input type=\"hidden\" name=\"page\" value=\"{page}\">"
    );
    if !without.is_empty() {
        let _ = write!(body, "{form}<h2>{}</h2>", words.choose);
        for user in without.iter().take(USERS) {
            let (name, nickname) = (escaped(user.username()), user.nickname().map(escaped));
            let shown =
                nickname.map_or_else(|| name.clone(), |nickname| format!("{nickname} <small>{name}</small>"));
            let _ = write!(body, "<button name=\"username\" value=\"{name}\">{shown}</button>");
        }
        body.push_str("</form>");
    }
    if !with.is_empty() || without.len() > USERS {
        let username = username.map(escaped).unwrap_or_default();
        let _ = write!(
            body,
            "{form}<label>{}<input name=\"username\" value=\"{username}\" autocomplete=\"username\" required></label>\
             <label>{}<input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label>\
             <button>{}</button></form>",
            words.username, words.password, words.log_in
        );
    }
    // Chromium applies the directive to where the answer to a form leads, too.
    respond(words, StatusCode::OK, words.log_in, &body, source(&asked.redirect_uri))
}

/// Where a form may lead, as a policy has it: it has no IPv6 addresses (CSP Level 3 section 2.3.1), and so the scheme of one.
fn source(uri: &str) -> Option<&str> {
    origin(uri).and_then(|origin| match origin.contains('[') {
        true => origin.split_inclusive(':').next(),
        false => Some(origin),
    })
}

pub(super) fn error(words: &Words, status: StatusCode, text: &str) -> Response {
    respond(
        words,
        status,
        words.error,
        &format!("<h1>{}</h1><p role=\"alert\">{text}</p>", words.error),
        None,
    )
}

pub(super) fn sign_out(words: &Words) -> Response {
    let body = format!(
        "<h1>{}</h1><form method=\"post\" action=\"/oauth/end-session\"><button>{}</button></form>",
        words.sign_out_question, words.sign_out
    );
    respond(words, StatusCode::OK, words.sign_out, &body, None)
}

pub(super) fn signed_out(words: &Words) -> Response {
    respond(words, StatusCode::OK, words.sign_out, &format!("<h1>{}</h1>", words.signed_out), None)
}

fn respond(words: &Words, status: StatusCode, title: &str, body: &str, leads_to: Option<&str>) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/oauth/style.css\"></head><body><main>{body}<p class=\"note\">{}</p></main></body></html>",
        words.lang, words.for_development
    );
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        leads_to.unwrap_or_default()
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, policy.trim_end().to_owned()),
    ];
    (status, headers, html).into_response()
}

pub(super) async fn style() -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=3600")], include_str!("style.css"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_leads_to_the_origin_of_the_app() {
        for (uri, expected) in [
            ("http://127.0.0.1:3000/callback", Some("http://127.0.0.1:3000")),
            ("https://app.example.test?x=1", Some("https://app.example.test")),
            ("http://[::1]:3000/callback", Some("http:")),
            ("https://[::1]/", Some("https:")),
        ] {
            assert_eq!(source(uri), expected);
        }
    }
}
