//! Each source by itself, and several together.

use std::panic::catch_unwind;

use aigc_auth::AuthLayer;
use aigc_auth::context;
use aigc_auth::layer::CredentialSource;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tower::ServiceExt;

use crate::layer::headers::{INVALID, me};
use crate::support::{self, Log, center, send, serve, verdict};

/// As in base64: `/`, `+` and `=` are percent-encoded in cookies, queries and protocols.
const BASE64: &str = "a/b+c==";

fn everywhere() -> [CredentialSource; 5] {
    [
        CredentialSource::authorization(),
        CredentialSource::websocket_protocol(),
        CredentialSource::cookie("session"),
        CredentialSource::header("X-Token"),
        CredentialSource::query("token").any_request(),
    ]
}

/// The layer looks at the names of headers first.
#[tokio::test]
async fn cookie_counts_without_any_other_header() {
    let center = center().await;
    let auth = support::auth(&center).credentials_from(everywhere());
    let app = Router::new().route("/me", get(me)).layer(auth);
    let request = Request::get("/me").header("cookie", "session=alice-token").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn credential_counts_in_each_source() {
    let center = center().await;
    center.add_token(BASE64, "alice");
    let auth = support::auth(&center).credentials_from(everywhere());
    let app = serve(Router::new().route("/me", get(me)).layer(auth)).await;
    let (ok, no) = (Ok("alice"), Err(401));
    for (header, value, expected) in [
        ("authorization", "Bearer alice-token", ok),
        ("authorization", "Bearer ak_alice", ok),
        ("cookie", "session=alice-token", ok),
        ("cookie", "session=ak_alice", ok),
        ("cookie", "a=b; session=alice-token; c=d", ok),
        ("cookie", "a=b;session=alice-token;c=d", ok),
        ("cookie", " session = alice-token ", ok),
        ("cookie", "session=\"alice-token\"", ok),
        ("cookie", "session=\"Bearer alice-token\"", ok),
        ("cookie", "session=Bearer alice-token", ok),
        ("cookie", "session=Bearer%20alice-token", ok),
        ("cookie", "session=bearer%20alice%2Dtoken", ok),
        ("cookie", "session=a/b+c==", ok),
        ("cookie", "session=a%2Fb%2Bc%3D%3D", ok),
        ("cookie", "session=\"a%2fb%2bc%3d%3d\"", ok),
        ("cookie", "session=", no),
        ("cookie", "session", no),
        ("cookie", "session=\"\"", no),
        ("cookie", "session=\"alice-token", no),
        ("cookie", "session=unknown", no),
        ("cookie", "session=alice-token; session=alice-token", no),
        ("cookie", "session=alice-token; session=", no),
        ("cookie", "Session=alice-token", no),
        ("cookie", "xsession=alice-token; sessions=alice-token", no),
        ("cookie", "a=session=alice-token", no),
        ("cookie", "session=alice%00token", no),
        ("cookie", "session=alice%0Atoken", no),
        ("cookie", "session=alice%FFtoken", no),
        ("cookie", "session=Basic alice-token", no),
        ("x-token", "alice-token", ok),
        ("x-token", "Bearer alice-token", ok),
        ("x-token", "BEARER  alice-token", ok),
        ("x-token", "ak_alice", ok),
        ("x-token", BASE64, ok),
        ("x-token", "", no),
        ("x-token", "Bearer", no),
        ("x-token", "Basic alice-token", no),
        ("x-token", "alice%2Dtoken", no),
        ("x-token", "alice-token, alice-token", no),
        ("x-other", "alice-token", no),
        // No WebSocket is opened.
        ("sec-websocket-protocol", "bearer, alice-token", no),
    ] {
        let answer = support::get(app.address, "/me", &[(header, value)]).await;
        assert_eq!(verdict(&answer), expected, "{header}: {value}");
    }
    for (query, expected) in [
        ("token=alice-token", ok),
        ("a=1&token=alice-token&b=2", ok),
        ("tok%65n=alice%2Dtoken", ok),
        ("token=a/b+c==", ok),
        ("token=a%2Fb%2Bc%3D%3D", ok),
        ("token=Bearer%20alice-token", ok),
        ("token=", no),
        ("token", no),
        ("token=unknown", no),
        ("token=alice-token&token=alice-token", no),
        ("token=alice-token&tok%65n=", no),
        ("Token=alice-token", no),
        ("a=token=alice-token", no),
        ("token=alice%0Dtoken", no),
    ] {
        let answer = support::get(app.address, &format!("/me?{query}"), &[]).await;
        assert_eq!(verdict(&answer), expected, "{query}");
    }
}

/// HTTP/2 sends a line for each cookie.
#[tokio::test]
async fn lines_of_cookies_are_one_list_and_lines_of_other_headers_are_not() {
    let center = center().await;
    let auth = support::auth(&center).credentials_from(everywhere());
    let app = serve(Router::new().route("/me", get(me)).layer(auth)).await;
    for (header, lines, expected) in [
        ("cookie", ["a=b", "session=alice-token"], Ok("alice")),
        ("cookie", ["session=alice-token", "session=bob-token"], Err(401)),
        ("x-token", ["alice-token", "alice-token"], Err(401)),
        ("authorization", ["Bearer alice-token", "Bearer alice-token"], Err(401)),
    ] {
        let answer = send(app.address, "GET", "/me", &lines.map(|line| (header, line.as_bytes()))).await;
        assert_eq!(verdict(&answer), expected, "{header}: {lines:?}");
    }
}

#[tokio::test]
async fn two_different_credentials_are_401_and_the_log_names_their_places() {
    let center = center().await;
    let auth = support::auth(&center).credentials_from(everywhere());
    let app = serve(Router::new().route("/me", get(me)).layer(auth)).await;
    let log = Log::start();
    let (bearer, basic) = (("authorization", "Bearer alice-token"), ("authorization", "Basic YTpi"));
    let cookie = ("cookie", "session=alice-token");
    for (target, headers, expected, logged) in [
        ("/me", &[bearer, cookie][..], Ok("alice"), ""),
        ("/me?token=alice-token", &[bearer, cookie, ("x-token", "alice-token")], Ok("alice"), ""),
        ("/me", &[basic, cookie], Ok("alice"), ""),
        ("/me?token=", &[("authorization", ""), cookie, ("x-token", " ")], Ok("alice"), ""),
        (
            "/me",
            &[bearer, ("cookie", "session=bob-token")],
            Err(401),
            "in `Authorization` and in the cookie `session`",
        ),
        (
            "/me",
            &[cookie, ("x-token", "bob-token")],
            Err(401),
            "in the cookie `session` and in the header `x-token`",
        ),
        (
            "/me?token=bob-token",
            &[bearer, cookie],
            Err(401),
            "in the cookie `session` and in the query parameter `token`",
        ),
        (
            "/me",
            &[bearer, ("x-token", "alice-token=")],
            Err(401),
            "in `Authorization` and in the header `x-token`",
        ),
        (
            "/me",
            &[bearer, ("x-token", "alice token")],
            Err(401),
            "in `Authorization` and in the header `x-token`",
        ),
        // Whatever else there is.
        ("/me", &[bearer, bearer, cookie], Err(401), "more than one Authorization header"),
        ("/me", &[("authorization", "Bearer"), cookie], Err(401), "the bearer credential is empty"),
        (
            "/me",
            &[bearer, ("cookie", "session=alice-token; session=alice-token")],
            Err(401),
            "the cookie `session` is there more than once",
        ),
        (
            "/me?token=alice-token&token=alice-token",
            &[bearer],
            Err(401),
            "the query parameter `token` is there more",
        ),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        log.take();
        let answer = send(app.address, "GET", target, &headers).await;
        assert_eq!(verdict(&answer), expected, "{target} {headers:?}");
        let lines = log.take();
        assert!(lines.contains(logged), "{target} {headers:?}: {lines}");
        assert!(!lines.contains("alice-token") && !lines.contains("bob-token"), "{lines}");
        if expected == Err(401) {
            assert_eq!((answer.header("www-authenticate"), &*answer.body), INVALID, "{target} {headers:?}");
        }
    }
}

/// As a proxy does that has a header of its own.
#[tokio::test]
async fn without_authorization_among_sources_it_is_not_read() {
    let center = center().await;
    let auth =
        support::auth(&center).credentials_from([CredentialSource::header("X-Forwarded-Access-Token")]);
    let app = serve(Router::new().route("/me", get(me)).layer(auth)).await;
    let forwarded = ("x-forwarded-access-token", "alice-token");
    for (headers, expected) in [
        (&[forwarded][..], Ok("alice")),
        (&[forwarded, ("authorization", "Bearer bob-token")], Ok("alice")),
        (&[forwarded, ("authorization", "Bearer")], Ok("alice")),
        (&[("authorization", "Bearer bob-token")], Err(401)),
    ] {
        let answer = support::get(app.address, "/me", headers).await;
        assert_eq!(verdict(&answer), expected, "{headers:?}");
        if expected.is_err() {
            assert_eq!(
                answer.json()["message"],
                "No credential was sent",
                "it would not help to send `Authorization`"
            );
        }
    }
}

#[tokio::test]
async fn context_has_the_credential_of_any_source() {
    async fn credential() -> String {
        context::credential().map_or_else(String::new, |credential| credential.as_str().to_owned())
    }
    let center = center().await;
    center.add_token(BASE64, "alice");
    let auth = support::auth(&center).credentials_from(everywhere());
    let app = serve(Router::new().route("/", get(credential)).layer(auth)).await;
    for round in ["looked up", "cached"] {
        let answer = support::get(app.address, "/", &[("cookie", "session=a%2Fb%2Bc%3D%3D")]).await;
        assert_eq!(answer.body, BASE64, "{round}");
    }
    assert_eq!(center.calls("/user/info"), 1);
}

#[test]
fn sources_that_cannot_be_meant_panic_at_start() {
    let message = |build: &(dyn Fn() + std::panic::RefUnwindSafe)| match catch_unwind(build) {
        Ok(()) => "accepted".to_owned(),
        Err(panic) => match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
        },
    };
    use CredentialSource as Source;
    for (expected, build) in [
        ("accepted", &(|| drop(Source::cookie("__Host-session"))) as &(dyn Fn() + std::panic::RefUnwindSafe)),
        ("cookie name \"\" must have", &|| drop(Source::cookie(""))),
        ("cookie name \"a b\" must have", &|| drop(Source::cookie("a b"))),
        ("cookie name \"a=b\" must have", &|| drop(Source::cookie("a=b"))),
        ("accepted", &|| drop(Source::header("X-Token"))),
        ("\"x token\" is no name of a header", &|| drop(Source::header("x token"))),
        ("\"\" is no name of a header", &|| drop(Source::header(""))),
        ("`CredentialSource::authorization()`", &|| drop(Source::header("Authorization"))),
        ("`CredentialSource::cookie(name)`", &|| drop(Source::header("cookie"))),
        ("`CredentialSource::websocket_protocol()`", &|| drop(Source::header("sec-websocket-protocol"))),
        ("accepted", &|| drop(Source::query("access_token").any_request())),
        ("query parameter \"\" must have", &|| drop(Source::query(""))),
        ("query parameter \"a&b\" must have", &|| drop(Source::query("a&b"))),
        ("query parameter \"a%20b\" must have", &|| drop(Source::query("a%20b"))),
        ("accepted", &|| drop(Source::cookie("a").allow_origin("https://app.example.com:8443"))),
        ("origin \"https://a.com/\" must be written", &|| {
            drop(Source::cookie("a").allow_origin("https://a.com/"));
        }),
        ("origin \"*\" must be written", &|| drop(Source::cookie("a").allow_origin("*"))),
        ("`allow_origin` is for cookies, not for the header `a`", &|| {
            drop(Source::header("a").allow_origin("https://a.com"));
        }),
        ("`insecure_any_origin` is for cookies", &|| drop(Source::authorization().insecure_any_origin())),
        ("`allow_navigation` is for cookies", &|| drop(Source::query("a").allow_navigation())),
        ("`any_request` is for query parameters, not for the cookie `a`", &|| {
            drop(Source::cookie("a").any_request());
        }),
        ("at least one source", &|| drop(layer().credentials_from([]))),
        ("`Authorization` twice", &|| {
            drop(layer().credentials_from([Source::authorization(), Source::authorization()]));
        }),
        ("the cookie `a` twice", &|| {
            drop(layer().credentials_from([Source::cookie("a"), Source::cookie("a").allow_navigation()]));
        }),
        ("accepted", &|| drop(layer().credentials_from([Source::cookie("a"), Source::cookie("b")]))),
        ("accepted", &|| drop(layer().max_credential_len(64 * 1024))),
        ("must be 1 to 65536 bytes, not 65537", &|| drop(layer().max_credential_len(64 * 1024 + 1))),
        ("must be 1 to 65536 bytes, not 0", &|| drop(layer().max_credential_len(0))),
    ] {
        let seen = message(build);
        assert!(seen.contains(expected), "expected {expected:?}, found {seen:?}");
    }
}

fn layer() -> AuthLayer {
    AuthLayer::new(aigc_auth::AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().unwrap())
}
