//! Query parameters, and who does not get to see them.

use std::sync::{Arc, Mutex};

use aigc_auth::layer::CredentialSource;
use aigc_auth::usage::{Record, Served};
use aigc_auth::{AuthLayer, OptionalUser};
use axum::Router;
use axum::extract::{OriginalUri, RawQuery};
use axum::routing::get;
use http::Uri;
use tower_http::trace::TraceLayer;

use crate::layer::headers::me;
use crate::support::{self, Log, center, serve, verdict};

fn query() -> [CredentialSource; 2] {
    [CredentialSource::authorization(), CredentialSource::query("token")]
}

/// Keeps records as JSON.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<String>>>);

impl Record for Records {
    fn record(&self, served: Box<dyn Served>) {
        self.0.lock().unwrap().push(serde_json::to_string(&served.into_record()).unwrap());
    }
}

/// What a handler sees of the target.
async fn target(
    OptionalUser(user): OptionalUser,
    uri: Uri,
    OriginalUri(original): OriginalUri,
    RawQuery(query): RawQuery,
) -> String {
    let user = user.map(|user| user.username().to_owned()).unwrap_or_default();
    format!("{user} {uri} {original} {}", query.unwrap_or_default())
}

#[tokio::test]
async fn query_is_read_for_streams_and_sockets_only() {
    let center = center().await;
    let auth = support::auth(&center).credentials_from(query());
    let app = serve(Router::new().route("/me", get(me)).layer(auth)).await;
    let (ok, no) = (Ok("alice"), Err(401));
    for (headers, expected) in [
        (&[("accept", "text/event-stream")][..], ok),
        (&[("accept", "text/html, TEXT/Event-Stream;q=0.9")], ok),
        (&[("upgrade", "websocket")], ok),
        (&[("upgrade", "WebSocket")], ok),
        (&[("upgrade", "foo, websocket")], ok),
        (&[], no),
        (&[("accept", "*/*")], no),
        (&[("accept", "text/*")], no),
        (&[("accept", "text/event-streams")], no),
        (&[("accept", "text/html;a=text/event-stream")], no),
        // As some clients send it with every request of theirs.
        (&[("upgrade", "h2c")], no),
        (&[("connection", "upgrade")], no),
    ] {
        let answer = support::get(app.address, "/me?token=alice-token", headers).await;
        assert_eq!(verdict(&answer), expected, "{headers:?}");
    }
    let answer =
        support::request(app.address, "POST", "/me?token=alice-token", &[("upgrade", "websocket")]).await;
    assert_eq!(answer.status, 401, "no handshake");
}

#[tokio::test]
async fn parameter_is_gone_inside_whether_it_is_read_or_not() {
    let center = center().await;
    let records = Records::default();
    let auth = support::auth(&center)
        .credentials_from(query())
        .exclude_prefix("/open")
        .allow_anonymous()
        .with_stats(records.clone());
    let inner = Router::new().route("/there", get(target));
    let routes = Router::new().route("/here", get(target)).route("/open", get(target)).nest("/nested", inner);
    let app = serve(routes.clone().layer(auth.clone())).await;
    let around = support::serve_service(tower::Layer::layer(&auth, routes)).await;
    let stream = [("accept", "text/event-stream")];
    for app in [&app, &around] {
        for (sent, headers, expected) in [
            ("/here?token=alice-token", &stream[..], "alice /here /here "),
            (
                "/here?a=%61+b&token=alice-token&&c",
                &stream,
                "alice /here?a=%61+b&&c /here?a=%61+b&&c a=%61+b&&c",
            ),
            ("/here?tok%65n=alice-token&a", &stream, "alice /here?a /here?a a"),
            ("/here?token=alice-token&a", &[], " /here?a /here?a a"),
            ("/open?token=alice-token&a", &stream, " /open?a /open?a a"),
            ("/nested/there?token=alice-token&a", &stream, "alice /there?a /nested/there?a a"),
            ("/here?a", &stream, " /here?a /here?a a"),
            ("/here", &stream, " /here /here "),
        ] {
            let answer = support::get(app.address, sent, headers).await;
            assert_eq!(answer.body, expected, "{sent}");
        }
    }
    let records = std::mem::take(&mut *records.0.lock().unwrap());
    assert_eq!(records.len(), 8, "those of alice, in both apps: {records:?}");
    for record in &records {
        assert!(!record.contains("alice-token") && !record.contains("token"), "{record}");
    }
}

/// Those outside are too early.
#[tokio::test]
async fn spans_inside_do_not_have_the_parameter_and_spans_outside_do() {
    let center = center().await;
    let auth = support::auth(&center).credentials_from(query());
    let routes = || Router::new().route("/me", get(me));
    let inside = serve(routes().layer(TraceLayer::new_for_http()).layer(auth.clone())).await;
    let outside = serve(routes().layer(auth).layer(TraceLayer::new_for_http())).await;
    for (app, is_shown) in [(inside, false), (outside, true)] {
        let log = Log::start();
        let headers = [("accept", "text/event-stream")];
        let answer = support::get(app.address, "/me?token=alice-token&page=2", &headers).await;
        assert_eq!(verdict(&answer), Ok("alice"));
        let lines = log.take();
        assert!(lines.contains("page=2"), "{lines}");
        assert_eq!(lines.contains("alice-token"), is_shown, "{lines}");
    }
}

/// As where a whole app lets anonymous requests pass, and a part of it does not.
#[tokio::test]
async fn layer_inside_another_still_finds_what_was_removed() {
    let center = center().await;
    let auth = || support::auth(&center).credentials_from(query());
    let routes = Router::new().route("/me", get(me)).route("/target", get(target)).layer(auth());
    let outers: [fn(AuthLayer) -> AuthLayer; 2] =
        [AuthLayer::allow_anonymous, |auth: AuthLayer| auth.exclude_prefix("/me")];
    for outer in outers {
        let app = serve(routes.clone().layer(outer(auth()))).await;
        for (target, expected) in [
            ("/me?token=alice-token", Ok("alice")),
            ("/me?token=alice-token&token=bob-token", Err(401)),
            ("/me", Err(401)),
            ("/target?a&token=alice-token", Ok("alice /target?a /target?a a")),
        ] {
            let answer = support::get(app.address, target, &[("accept", "text/event-stream")]).await;
            assert_eq!(verdict(&answer), expected, "{target}");
        }
    }
}
