//! Give tokens for a code or a refresh token, and take them back (RFC 6749, RFC 7009).

use std::time::SystemTime;

use aigc_auth::UserInfo;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{OauthError, for_apps};
use super::claims;
use super::door::Door;
use super::log_ins::{NoGrant, Renewed};
use crate::hub::{App, Hub};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    refresh_token: String,
    token: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

type Parsed = Result<Form<Parameters>, FormRejection>;

pub(super) async fn token(State(door): State<Door>, headers: HeaderMap, form: Parsed) -> Response {
    let hub = door.hub();
    let answer = parse(form).and_then(|parameters| tokens(hub, &headers, &parameters));
    for_apps(hub, &headers, answer.map(Json).into_response())
}

pub(super) async fn revoke(State(door): State<Door>, headers: HeaderMap, form: Parsed) -> Response {
    let hub = door.hub();
    let answer = parse(form).and_then(|parameters| {
        let app = authenticate(hub, &headers, &parameters)?;
        let revoked = hub.log_ins().revoke(&parameters.token, &app.id);
        let own = hub.log_ins().grant_of(&parameters.token).filter(|grant| grant.app_id == app.id);
        revoke_all(hub, revoked.into_iter().chain(own.map(|_| parameters.token.clone())));
        // An unknown token is as good as a revoked one.
        Ok(StatusCode::OK)
    });
    for_apps(hub, &headers, answer.into_response())
}

fn parse(form: Parsed) -> Result<Parameters, OauthError> {
    match form {
        Ok(Form(parameters)) => Ok(parameters),
        Err(_) => Err(OauthError::new("invalid_request", "expected a form, with each parameter once")),
    }
}

fn tokens(hub: &Hub, headers: &HeaderMap, parameters: &Parameters) -> Result<Value, OauthError> {
    let app = authenticate(hub, headers, parameters)?;
    let (renewed, nonce) = match parameters.grant_type.as_str() {
        "authorization_code" => {
            let is_right = |asked: &super::sessions::Asked| {
                asked.app_id == app.id
                    && asked.redirect_uri == parameters.redirect_uri
                    && challenge(&parameters.code_verifier)
                        .is_some_and(|challenge| challenge == asked.challenge)
            };
            let redeemed = hub.log_ins().redeem(&parameters.code, is_right);
            let (renewed, asked) = redeemed.map_err(|none| no_grant(hub, none))?;
            (renewed, asked.nonce)
        }
        "refresh_token" => {
            let renewed = hub.log_ins().refresh(&parameters.refresh_token, &app.id);
            (renewed.map_err(|none| no_grant(hub, none))?, None)
        }
        _ => {
            return Err(OauthError::new(
                "unsupported_grant_type",
                "expected grant_type=authorization_code or refresh_token",
            ));
        }
    };
    let user = hub.user(&renewed.grant.username);
    let user = user.filter(|user| user.status().is_none_or(|status| status == "active"));
    let user = user.ok_or(OauthError::new("invalid_grant", "the user was disabled or deleted"))?;
    Ok(issue(hub, &user, &renewed, nonce.as_deref()))
}

/// Signs the tokens. The center's endpoints know the access token, too.
fn issue(hub: &Hub, user: &UserInfo, renewed: &Renewed, nonce: Option<&str>) -> Value {
    let Renewed { grant_id, grant, refresh_token } = renewed;
    let (log_ins, signer) = (hub.log_ins(), hub.log_ins().signer());
    let ttl = log_ins.access_token_ttl();
    let expires_at = SystemTime::now() + ttl;
    let issuer = log_ins.issuer();
    let access_token = signer.sign("at+jwt", &claims::of_access_token(user, grant, issuer, expires_at));
    hub.center().remove_expired_tokens();
    hub.center().add_token_of(&grant.app_id, &access_token, user.username(), Some(expires_at));
    revoke_all(hub, log_ins.issued(grant_id, &access_token, expires_at));
    let mut answer = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": ttl.as_secs(),
        "refresh_token": refresh_token, "scope": grant.scope,
    });
    if grant.scope.split(' ').any(|scope| scope == "openid") {
        answer["id_token"] =
            signer.sign("JWT", &claims::of_id_token(user, grant, issuer, expires_at, nonce)).into();
    }
    answer
}

fn no_grant(hub: &Hub, none: NoGrant) -> OauthError {
    revoke_all(hub, none.revoked);
    OauthError::new(
        "invalid_grant",
        "the code or refresh token is unknown, expired, used, or not for this request",
    )
}

fn revoke_all(hub: &Hub, tokens: impl IntoIterator<Item = String>) {
    for token in tokens {
        hub.center().revoke_token(&token);
    }
}

/// Returns the app that asks. A page in a browser has no secret, and is known by PKCE; a secret that is sent must be right.
fn authenticate(hub: &Hub, headers: &HeaderMap, parameters: &Parameters) -> Result<App, OauthError> {
    let wrong = || OauthError::new("invalid_client", "unknown client_id, or wrong client_secret");
    let basic = match headers.get(AUTHORIZATION) {
        Some(value) => Some(basic(value.to_str().unwrap_or_default()).ok_or_else(wrong)?),
        None => None,
    };
    let (id, secret) = match (basic, &parameters.client_id) {
        (Some((id, secret)), _) => (id, Some(secret)),
        (None, Some(id)) => (id.clone(), parameters.client_secret.clone().map(Secret::Plain)),
        (None, None) => return Err(wrong()),
    };
    let app = hub.app(&id).ok_or_else(wrong)?;
    match secret {
        Some(secret) if !secret.is(&app.secret) => Err(wrong()),
        _ => Ok(app),
    }
}

/// A secret that was sent.
#[derive(Debug, PartialEq, Eq)]
enum Secret {
    Plain(String),
    /// As it came, and decoded. Both parts of `Basic` are form-encoded within (RFC 6749 section 2.3.1), and many clients do not
    /// know it.
    Basic(String, String),
}

impl Secret {
    fn is(&self, expected: &str) -> bool {
        let same = |text: &str| verify_slices_are_equal(text.as_bytes(), expected.as_bytes()).is_ok();
        match self {
            Self::Plain(text) => same(text),
            Self::Basic(raw, decoded) => same(raw) || same(decoded),
        }
    }
}

fn basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id), Secret::Basic(secret.to_owned(), decoded(secret))))
}

/// Decodes a text that was form-encoded; one that has what the encoding takes away was not.
fn decoded(text: &str) -> String {
    match form_urlencoded::parse(text.as_bytes()).next() {
        Some((decoded, _)) if !text.contains(['=', '&']) => decoded.into_owned(),
        _ => text.to_owned(),
    }
}

/// Returns the challenge of a verifier (RFC 7636 section 4.2), if it has the length of one.
fn challenge(verifier: &str) -> Option<String> {
    (43..=128).contains(&verifier.len()).then(|| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_is_that_of_the_specification() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier).as_deref(), Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert_eq!(challenge("short"), None);
    }

    #[test]
    fn basic_credentials_are_decoded() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for (sent, secret, is_right) in [
            ("1000:a%3Ab+c", "a:b c", true),
            ("1000:a%3Ab+c", "a%3Ab+c", true),
            ("1000:a=b&c", "a=b&c", true),
            ("1000:a=b&c", "a", false),
            ("1000:secret=x", "secret", false),
            ("1000:", "", true),
            ("1000:", "x", false),
        ] {
            let (id, found) = basic(&header(sent)).unwrap();
            assert_eq!((&*id, found.is(secret)), ("1000", is_right), "{sent} {secret}");
            assert!(basic(&header(sent).replace("Basic", "basic")).is_some(), "in any case");
        }
        for bad in ["", "Bearer x", "Basic !", &header("no colon")] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
