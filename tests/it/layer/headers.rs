//! The `Authorization` header.

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{AuthCenter, TestKey};
use aigc_auth::{AuthError, AuthLayer, CurrentUser, UserInfo, Verify};
use axum::Router;
use axum::routing::get;

use crate::support::{self, App, center, client, get_as, send, serve};

pub(super) async fn me(user: CurrentUser) -> String {
    user.username().to_string()
}

pub(super) async fn protected(center: &AuthCenter) -> App {
    serve(Router::new().route("/me", get(me)).layer(support::auth(center))).await
}

/// A challenge and a body.
pub(super) type Refusal = (Option<&'static str>, &'static str);

pub(super) const NOTHING: Refusal = (
    Some("Bearer"),
    r#"{"code":401,"message":"No bearer credential was sent: send `Authorization: Bearer <token>`","data":null}"#,
);
const OTHER_SCHEME: Refusal = (
    Some("Bearer"),
    r#"{"code":401,"message":"`Authorization` has another scheme than `Bearer`: send `Authorization: Bearer <token>`","data":null}"#,
);
const NO_SCHEME: Refusal = (
    Some("Bearer"),
    r#"{"code":401,"message":"`Authorization` has no scheme: send `Authorization: Bearer <token>`","data":null}"#,
);
pub(super) const INVALID: Refusal = (
    Some(r#"Bearer error="invalid_token""#),
    r#"{"code":401,"message":"The credential is invalid or has expired","data":null}"#,
);

#[tokio::test]
async fn malformed_header_is_401_without_upstream_call() {
    let center = center().await;
    let app = protected(&center).await;
    let long_basic = [b"Basic ".as_slice(), &vec![b'a'; 9000]].concat();
    let every_header: Vec<&[u8]> = vec![b"Bearer alice-token"; 90];
    let table: Vec<(&str, Vec<&[u8]>, Refusal)> = vec![
        ("no header", vec![], NOTHING),
        ("an empty header", vec![b""], NOTHING),
        ("only spaces", vec![b"   "], NOTHING),
        ("another scheme", vec![b"Basic dXNlcjpwYXNz"], OTHER_SCHEME),
        ("a scheme that begins the same", vec![b"Bearerx alice-token"], OTHER_SCHEME),
        ("a token without its scheme", vec![b"alice-token"], NO_SCHEME),
        ("an access key without its scheme", vec![b"ak_alice"], NO_SCHEME),
        ("the scheme alone", vec![b"Bearer"], INVALID),
        ("the scheme and spaces", vec![b"bearer     "], INVALID),
        ("two headers", vec![b"Bearer alice-token", b"Bearer alice-token"], INVALID),
        ("ninety headers", every_header, INVALID),
        ("two schemes", vec![b"Bearer alice-token", b"Basic dXNlcjpwYXNz"], INVALID),
        ("another scheme first", vec![b"Basic dXNlcjpwYXNz", b"Bearer alice-token"], INVALID),
        ("an empty header beside it", vec![b"", b"Bearer alice-token"], INVALID),
        ("two in one header", vec![b"Bearer alice-token, Bearer bob-token"], INVALID),
        ("a trailing word", vec![b"Bearer alice-token extra"], INVALID),
        ("a trailing comma", vec![b"Bearer alice-token,"], INVALID),
        ("a comma after the scheme", vec![b"Bearer,alice-token"], INVALID),
        ("a tab after the scheme", vec![b"Bearer\talice-token"], INVALID),
        ("a space and a tab", vec![b"Bearer \talice-token"], INVALID),
        ("a tab within", vec![b"Bearer alice\ttoken"], INVALID),
        ("UTF-8", vec!["Bearer älice".as_bytes()], INVALID),
        ("Chinese", vec!["Bearer 令牌".as_bytes()], INVALID),
        ("bytes that are no text", vec![b"Bearer \x80\xff\xfe"], INVALID),
        ("a byte that is no text, in the scheme", vec![b"B\xe9arer alice-token"], OTHER_SCHEME),
        ("quotes", vec![b"Bearer \"alice-token\""], INVALID),
        ("a parameter", vec![b"Bearer token=alice-token"], INVALID),
        ("a percent", vec![b"Bearer alice%2Dtoken"], INVALID),
        ("padding alone", vec![b"Bearer =="], INVALID),
        ("padding within", vec![b"Bearer a=b"], INVALID),
        ("JSON", vec![br#"Bearer {"alg":"none"}"#], INVALID),
        ("an access key with a space", vec![b"Bearer ak_ alice"], INVALID),
        ("an access key that is no text", vec![b"Bearer ak_\xff"], INVALID),
        ("9 KiB of another scheme", vec![&long_basic], OTHER_SCHEME),
    ];
    for (what, values, (challenge, body)) in &table {
        let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let answer = send(app.address, "GET", "/me", &headers).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, *challenge), "{what}");
        assert_eq!(answer.body, *body, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        assert_eq!(answer.header("retry-after"), None, "{what}");
    }
    assert!(center.requests().is_empty(), "{:?}", center.requests());
}

/// What hyper does not let through at all.
#[tokio::test]
async fn illegal_header_bytes_are_rejected_by_server() {
    let center = center().await;
    let app = protected(&center).await;
    let over_a_mib = vec![b'a'; 1024 * 1024];
    for (what, value, expected) in [
        ("a null byte", &b"Bearer alice\0token"[..], 400),
        ("a bare line feed", b"Bearer alice\nx y", 400),
        ("an escape", b"Bearer \x1b[2J", 400),
        ("over 1 MiB", &over_a_mib, 431),
    ] {
        let answer = send(app.address, "GET", "/me", &[("authorization", value)]).await;
        assert_eq!(answer.status, expected, "{what}");
    }
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn scheme_is_case_insensitive_and_spaces_are_skipped() {
    let center = center().await;
    let app = protected(&center).await;
    let many_spaces = format!("Bearer{}alice-token", " ".repeat(4000));
    for value in [
        "Bearer alice-token",
        "bearer alice-token",
        "BEARER alice-token",
        "bEaReR  alice-token",
        "Bearer      alice-token   ",
        "Bearer alice-token\t",
        &many_spaces,
    ] {
        for name in ["authorization", "Authorization", "AUTHORIZATION"] {
            let answer = support::get(app.address, "/me", &[(name, value)]).await;
            assert_eq!((answer.status, &*answer.body), (200, "alice"), "{name}: {}", value.trim());
        }
    }
    assert_eq!(center.calls("/user/info"), 1, "however it is written, it is one token");
}

#[tokio::test]
async fn other_headers_and_query_are_ignored() {
    let center = center().await;
    let app = protected(&center).await;
    for name in ["x-authorization", "authorization_", "proxy-authorization", "x-access-token", "cookie"] {
        let answer = support::get(app.address, "/me", &[(name, "Bearer alice-token")]).await;
        assert_eq!(answer.status, 401, "{name}");
    }
    let answer = support::get(app.address, "/me?access_token=alice-token&token=alice-token", &[]).await;
    assert_eq!(answer.status, 401, "in the query");
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn credential_kind_selects_one_endpoint() {
    let center = center().await;
    center.add_access_key("ak_bob", TestKey::user("bob"));
    center.add_access_key("no-prefix", TestKey::user("bob"));
    center.add_token("ak_token", "alice");
    let app = protected(&center).await;
    for (credential, status, body, tokens, keys) in [
        ("alice-token", 200, "alice", 1, 0),
        ("ak_alice", 200, "alice", 0, 1),
        ("ak_bob", 200, "bob", 0, 1),
        // A token by this name, or a key without the prefix, would be found if the other way were tried.
        (
            "ak_token",
            401,
            r#"{"code":401,"message":"The access key is invalid or has expired","data":null}"#,
            0,
            1,
        ),
        ("no-prefix", 401, INVALID.1, 1, 0),
        ("AK_alice", 401, INVALID.1, 1, 0),
        ("xak_alice", 401, INVALID.1, 1, 0),
        (
            "ak_",
            401,
            r#"{"code":401,"message":"The access key is invalid or has expired","data":null}"#,
            0,
            1,
        ),
    ] {
        center.clear_requests();
        for _ in 0..2 {
            let answer = get_as(app.address, credential, "/me").await;
            assert_eq!((answer.status, &*answer.body), (status, body), "{credential}");
        }
        let calls = (center.calls("/user/info"), center.calls("/access-key/verify"));
        assert_eq!(calls, (tokens, keys), "{credential}: looked up once, at one endpoint");
        assert_eq!(center.requests().len(), 1, "{credential}");
    }
}

/// Verifies by a list of its own.
struct Listed(&'static str);

impl Verify<AccessKey> for Listed {
    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        match key.as_str() {
            known if known == self.0 => Ok(UserInfo::builder("k-1", "robot").build()),
            _ => Err(AuthError::invalid_access_key()),
        }
    }
}

impl Verify<BearerToken> for Listed {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        match token.as_str() {
            known if known == self.0 => Ok(UserInfo::builder("t-1", "robot").build()),
            _ => Err(ErrorKind::InvalidCredential.into()),
        }
    }
}

#[tokio::test]
async fn tokens_and_access_keys_have_separate_verifiers() {
    let center = center().await;
    let routes = || Router::new().route("/me", get(me));
    let tokens_only = serve(routes().layer(AuthLayer::tokens_only(client(&center)))).await;
    let listed_keys =
        serve(routes().layer(AuthLayer::tokens_only(client(&center)).with_access_keys(Listed("ak_listed"))))
            .await;
    let listed_tokens =
        serve(routes().layer(AuthLayer::tokens_only(Listed("listed")).with_access_keys(client(&center))))
            .await;
    let replaced = serve(routes().layer(support::auth(&center).with_access_keys(Listed("ak_listed")))).await;
    for (what, app, credential, expected, tokens, keys) in [
        ("tokens only", &tokens_only, "alice-token", Ok("alice"), 1, 0),
        ("tokens only", &tokens_only, "ak_alice", Err(401), 0, 0),
        ("listed keys", &listed_keys, "alice-token", Ok("alice"), 1, 0),
        ("listed keys", &listed_keys, "ak_listed", Ok("robot"), 0, 0),
        ("listed keys", &listed_keys, "ak_alice", Err(401), 0, 0),
        ("listed tokens", &listed_tokens, "listed", Ok("robot"), 0, 0),
        ("listed tokens", &listed_tokens, "alice-token", Err(401), 0, 0),
        ("listed tokens", &listed_tokens, "ak_alice", Ok("alice"), 0, 1),
        ("replaced", &replaced, "alice-token", Ok("alice"), 1, 0),
        ("replaced", &replaced, "ak_alice", Err(401), 0, 0),
        ("replaced", &replaced, "ak_listed", Ok("robot"), 0, 0),
    ] {
        center.clear_requests();
        let answer = get_as(app.address, credential, "/me").await;
        match expected {
            Ok(name) => assert_eq!((answer.status, &*answer.body), (200, name), "{what}: {credential}"),
            Err(status) => {
                assert_eq!(answer.status, status, "{what}: {credential}");
                assert_eq!(answer.header("www-authenticate"), INVALID.0, "{what}: {credential}");
            }
        }
        let calls = (center.calls("/user/info"), center.calls("/access-key/verify"));
        assert_eq!(calls, (tokens, keys), "{what}: {credential}");
    }
}

#[tokio::test]
async fn space_before_colon_is_rejected_by_server() {
    let center = center().await;
    let app = protected(&center).await;
    let answer = support::get(app.address, "/me", &[("authorization ", "Bearer alice-token")]).await;
    assert_eq!(answer.status, 400);
    assert!(center.requests().is_empty());
}
