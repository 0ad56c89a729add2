//! Requests with credentials from every source, through a layer, to a center that answers and to one that fails.

use std::time::Duration;

use aigc_auth::layer::{CaptureBodyLayer, CredentialSource};
use aigc_auth::metrics::MetricsObserver;
use aigc_auth::observer::{Event, Observer};
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::{self, AuthCenter, Fault, TestKey};
use aigc_auth::{AuthClient, AuthLayer, CurrentUser, OptionalUser, context};
use axum::Router;
use axum::routing::get;
use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{ANSWERS, EVENTS, Flight, METRICS, USAGE};
use crate::support::{App, exchange_bytes, get as get_from, head, post, serve};

/// Keeps events, and measures them.
struct Both(Flight, MetricsObserver);

impl Observer for Both {
    fn observe(&self, event: &Event) {
        self.0.observe(event);
        self.1.observe(event);
    }
}

async fn shows(flight: Flight, user: OptionalUser) -> &'static str {
    flight.show(&user);
    flight.show(&user.0);
    if let Some(context) = context::current() {
        flight.show(&context);
    }
    if let Some(credential) = context::credential() {
        flight.show(&credential);
    }
    "ok"
}

fn routes(flight: &Flight) -> Router {
    let flight = flight.clone();
    Router::new()
        .route("/me", get(|user: CurrentUser| async move { user.id().to_string() }))
        .route("/purge", get(|user: CurrentUser| async move { user.require("purge") }))
        .route(
            "/panic",
            get(|_: CurrentUser| async {
                if true {
                    panic!("in a handler")
                }
            }),
        )
        .route("/form", axum::routing::post(|_: CurrentUser, _: String| async {}))
        .route("/planted", get(|| async { Flight::plant(ANSWERS) }))
        .route("/needs", get(|user: CurrentUser| async move { user.require(&Flight::plant(EVENTS)) }))
        .route("/shows", get(move |user: OptionalUser| shows(flight.clone(), user)))
}

fn layer(client: AuthClient) -> AuthLayer {
    AuthLayer::new(client).credentials_from([
        CredentialSource::authorization(),
        CredentialSource::cookie("session").insecure_any_origin(),
        CredentialSource::header("x-token"),
        CredentialSource::query("token"),
        CredentialSource::websocket_protocol(),
    ])
}

/// Each source, well and badly formed.
async fn requests(flight: &Flight, app: &App) {
    let token = flight.secret("bearer token");
    let unknown = flight.secret("unknown token");
    let malformed = flight.secret("malformed token");
    let cookie = flight.secret("cookie");
    let key = flight.secret("access key");
    let query = flight.secret("query token");
    let socket = flight.secret("WebSocket token");
    let header = flight.secret("header token");
    let basic = flight.secret("Basic password");
    let refresh = flight.secret("refresh token");
    for (target, name, value) in [
        ("/me", "authorization", format!("Bearer {token}")),
        ("/shows", "authorization", format!("Bearer {token}")),
        ("/purge", "authorization", format!("Bearer {token}")),
        ("/panic", "authorization", format!("Bearer {token}")),
        ("/me", "authorization", format!("Bearer {unknown}")),
        ("/me", "authorization", format!("Bearer ak_{key}")),
        ("/me", "authorization", format!("Bearer ak_{unknown}")),
        ("/me", "authorization", format!("Basic {basic}")),
        ("/me", "authorization", format!("{malformed} {malformed}")),
        ("/me", "authorization", malformed.clone()),
        ("/me", "authorization", format!("Bearer {token} {malformed}")),
        ("/me", "authorization", format!("Bearer \"{malformed}\"")),
        ("/me", "cookie", format!("session={cookie}; refresh={refresh}")),
        ("/me", "cookie", format!("session={cookie} {malformed}")),
        ("/me", "x-token", header.clone()),
        ("/me", "x-token", format!("{header} {malformed}")),
        (&*format!("/me?token={query}"), "accept", "text/event-stream".to_owned()),
        (&*format!("/me?token={query}&token={malformed}&code={refresh}"), "accept", "*/*".to_owned()),
        (&*format!("/shows?token={query}%20%zz{malformed}"), "accept", "*/*".to_owned()),
        (&*format!("/nowhere?token={query}&password={malformed}"), "accept", "*/*".to_owned()),
    ] {
        let headers = [(name, &*value)];
        // After a panic there is none.
        let answer = exchange_bytes(app.address, &head("GET", target, &headers)).await;
        flight.put(ANSWERS, answer);
    }
    let bearer = [("authorization", &*format!("Bearer {token}"))];
    flight.answer(&get_from(app.address, "/planted", &bearer).await);
    flight.answer(&get_from(app.address, "/needs", &bearer).await);
    let protocols = format!("chat, base64url.bearer.authorization.{socket}, {socket}");
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("sec-websocket-protocol", &*protocols),
    ];
    flight.answer(&get_from(app.address, "/me", &upgrade).await);
    let form = flight.secret("form password");
    let body = format!(r#"{{"password": "{form}", "secret": "{form}", "access_token": "{form}"}}"#);
    let headers =
        [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
    flight.answer(&post(app.address, &format!("/form?password={form}&api_key={form}"), &headers, body).await);
}

pub(super) async fn story(flight: &Flight) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let labels = vec![Label::new("planted", Flight::plant(METRICS))];
    let here = Metadata::new(module_path!(), Level::INFO, None);
    recorder.register_counter(&Key::from_parts("planted", labels), &here).increment(1);
    let metrics = MetricsObserver::recording_to(recorder);
    flight.show(&metrics);
    let center = AuthCenter::builder().app_secret(flight.secret("app secret")).start().await;
    center.add_user(
        testing::user("carol")
            .id(7)
            .nickname(flight.secret("nickname"))
            .email(format!("{}@example.com", flight.secret("e-mail")))
            .phone(flight.secret("phone")),
    );
    for name in ["bearer token", "cookie", "query token", "header token", "WebSocket token"] {
        center.add_token(flight.secret(name), "carol");
    }
    center.add_access_key(format!("ak_{}", flight.secret("access key")), TestKey::user("carol"));
    let client =
        crate::support::client_with(&center, |builder| builder.observer(Both(flight.clone(), metrics)));
    let stats = StatsCollector::start(&client);
    let auth = layer(client.clone()).with_stats(stats.clone());
    flight.show(&auth);
    flight.show(&center);
    let app = serve(routes(flight).layer(auth).layer(CaptureBodyLayer::new())).await;
    let faults =
        [None, Some(Fault::Html), Some(Fault::status(401)), Some(Fault::Refuse), Some(Fault::Truncated)];
    for fault in faults {
        center.clear_faults();
        client.clear_cache();
        if let Some(fault) = fault {
            flight.show(&fault);
            center.inject_fault(fault);
        }
        requests(flight, &app).await;
    }
    center.clear_faults();
    let planted = Flight::plant(USAGE);
    flight.answer(
        &get_from(
            app.address,
            &format!("/nowhere/{planted}"),
            &[("authorization", &format!("Bearer {}", flight.secret("bearer token")))],
        )
        .await,
    );
    let counts = stats.flush(Duration::from_secs(20)).await;
    assert!(counts.delivered > 10 && counts.pending == 0, "{counts:?}");
    flight.show(&counts);
    flight.show(&stats);
    flight.show(&client.snapshot());
    for request in center.requests().into_iter().filter(|request| request.endpoint.contains("stats")) {
        flight.show(&request);
        flight.put(USAGE, request.body.to_string());
    }
    flight.put(METRICS, handle.render());
    echoes(flight).await;
}

/// The same requests, while the center sends back what it hears.
async fn echoes(flight: &Flight) {
    let echo = Echo::start().await;
    for mode in MODES.into_iter().filter(|mode| *mode != Mode::Hang) {
        echo.say(mode);
        let client = echo.client(&flight.secret("app secret")).observer(flight.clone()).build().unwrap();
        let app = serve(routes(flight).layer(layer(client))).await;
        requests(flight, &app).await;
    }
}
