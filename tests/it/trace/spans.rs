use std::time::Duration;

use aigc_auth::outbound::OutboundClient;
use aigc_auth::testing::Fault;
use futures_util::future::join;
use reqwest_middleware::ClientBuilder;
use tracing::Instrument;

use crate::outbound::support::{Host, alice, outbound};
use crate::support::rig::{Rig, Seen as Answer, TOKEN};
use crate::support::until;
use crate::trace::support::{Seen, Spans};

/// A request's span, such as that of `TraceLayer`.
fn request() -> tracing::Span {
    tracing::info_span!("request")
}

fn names(spans: &[Seen]) -> Vec<&str> {
    spans.iter().map(|span| span.field("otel.name")).collect()
}

#[tokio::test]
async fn lookup_and_its_call_have_spans_and_a_cached_user_has_none() {
    let rig = Rig::new().await;
    let spans = Spans::start();
    assert_eq!(rig.ask(TOKEN).instrument(request()).await, Answer::user("alice"));
    let [request, ..] = &spans.all()[..] else { panic!("no span") };
    let ours = spans.ours();
    let [lookup, call] = &ours[..] else { panic!("{ours:?}") };
    assert_eq!((lookup.parent, call.parent), (Some(request.id), Some(lookup.id)));
    assert!(lookup.is_closed && call.is_closed);
    for (field, value) in [
        ("otel.kind", "internal"),
        ("otel.name", "lookup token"),
        ("aigc_auth.lookup.of", "token"),
        ("aigc_auth.lookup.outcome", "found"),
        ("error.type", ""),
    ] {
        assert_eq!(lookup.field(field), value, "{field}");
    }
    let url = rig.center.url();
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
    for (field, value) in [
        ("otel.kind", "client"),
        ("otel.name", "POST /aigc-auth/sdk/user/info"),
        ("otel.status_code", ""),
        ("http.request.method", "POST"),
        ("http.request.resend_count", ""),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", port),
        ("url.full", &*format!("{url}/sdk/user/info")),
        ("url.template", "/aigc-auth/sdk/user/info"),
        ("error.type", ""),
    ] {
        assert_eq!(call.field(field), value, "{field}");
    }

    assert_eq!(rig.ask(TOKEN).instrument(self::request()).await, Answer::user("alice"));
    assert_eq!(spans.ours().len(), 2, "a cached user opens none");
    let shown = format!("{:?}", spans.all());
    assert!(!shown.contains(TOKEN) && !shown.contains("test-secret"), "{shown}");
}

#[tokio::test]
async fn refresh_is_a_trace_of_its_own_that_links_to_the_request() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, Answer::user("alice"));
    rig.advance(295);
    let spans = Spans::start();
    assert_eq!(rig.ask(TOKEN).instrument(request()).await, Answer::user("alice"));
    until("the refresh ends", || spans.ours().iter().filter(|span| span.is_closed).count() == 2).await;
    let [request, ..] = &spans.all()[..] else { panic!("no span") };
    let ours = spans.ours();
    let [refresh, call] = &ours[..] else { panic!("{ours:?}") };
    assert_eq!((&*refresh.name, refresh.parent, &refresh.follows), ("refresh", None, &vec![request.id]));
    assert_eq!((call.parent, refresh.field("aigc_auth.lookup.outcome")), (Some(refresh.id), "found"));
}

#[tokio::test]
async fn requests_that_share_a_lookup_each_have_its_span() {
    let rig = Rig::new().await;
    let spans = Spans::start();
    let ask = || rig.ask(TOKEN).instrument(request());
    assert_eq!(join(ask(), ask()).await, (Answer::user("alice"), Answer::user("alice")));
    let ours = spans.ours();
    assert_eq!(names(&ours), ["lookup token", "lookup token", "POST /aigc-auth/sdk/user/info"]);
    assert!(ours.iter().all(|span| span.is_closed));
}

#[tokio::test]
async fn span_says_how_a_call_has_ended() {
    let post = "POST /aigc-auth/sdk/user/info";
    for (fault, calls, outcome) in [
        (Fault::code(401, "no"), vec![("200", "", "")], ("rejected", "", "")),
        (Fault::status(500), vec![("500", "500", "ERROR")], ("failed", "unavailable", "ERROR")),
        // Tried again.
        (Fault::status(503), vec![("503", "503", "ERROR"); 2], ("failed", "unavailable", "ERROR")),
        (Fault::Html, vec![("200", "", "")], ("failed", "unavailable", "ERROR")),
        (Fault::Refuse, vec![("", "connect", "ERROR"); 2], ("failed", "unavailable", "ERROR")),
        (Fault::Reset, vec![("", "interrupted", "ERROR"); 2], ("failed", "unavailable", "ERROR")),
        (Fault::ResetMidBody, vec![("200", "interrupted", "ERROR")], ("failed", "unavailable", "ERROR")),
        (Fault::Hang, vec![("", "timeout", "ERROR")], ("failed", "unavailable", "ERROR")),
    ] {
        let timeout = if matches!(fault, Fault::Hang) { 100 } else { 5_000 };
        let rig = Rig::with(|builder| builder.timeout(Duration::from_millis(timeout))).await;
        let shown = format!("{fault:?}");
        rig.center.inject_fault(fault);
        let spans = Spans::start();
        rig.ask(TOKEN).await;
        let ours = spans.ours();
        let end = |span: &Seen| {
            ["http.response.status_code", "error.type", "otel.status_code"]
                .map(|field| span.field(field).to_owned())
        };
        let seen: Vec<_> = ours[1..].iter().map(end).collect();
        let calls: Vec<_> = calls
            .iter()
            .map(|(status, error, code)| [status, error, code].map(|text| text.to_string()))
            .collect();
        assert_eq!(seen, calls, "{shown}");
        assert_eq!(names(&ours[1..]), vec![post; calls.len()], "{shown}");
        let resends: Vec<_> = ours[1..].iter().map(|span| span.field("http.request.resend_count")).collect();
        assert_eq!(resends, ["", "1"][..calls.len()], "{shown}");
        let lookup =
            ["aigc_auth.lookup.outcome", "error.type", "otel.status_code"].map(|name| ours[0].field(name));
        assert_eq!((lookup[0], lookup[1], lookup[2]), outcome, "{shown}");
    }
}

#[tokio::test]
async fn dropped_call_is_cancelled() {
    let rig = Rig::new().await;
    rig.center.inject_fault(Fault::Hang);
    let spans = Spans::start();
    let listing = rig.client.list_users(None, 1, 10);
    assert!(tokio::time::timeout(Duration::from_millis(50), listing).await.is_err());
    let ours = spans.ours();
    let [call] = &ours[..] else { panic!("{ours:?}") };
    assert_eq!((call.field("error.type"), call.is_closed), ("cancelled", true));
}

#[tokio::test]
async fn each_hop_of_an_outbound_call_has_a_span_without_query() {
    let (host, other) = (Host::http().await, Host::http().await);
    let outbound = outbound(&[&host], |builder| builder);
    let spans = Spans::start();
    let target = other.at("/end?secret=hunter2");
    let go = host.at("/go");
    let answer = outbound.get(&go).query(&[("to", &*target), ("status", "302")]).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let ours = spans.ours();
    let [first, second] = &ours[..] else { panic!("{ours:?}") };
    for (span, url, status, resends) in
        [(first, go.clone(), "302", ""), (second, other.at("/end"), "200", "1")]
    {
        assert_eq!(span.field("otel.name"), "GET", "a path may have ids: it is not in the name");
        assert_eq!(span.field("url.full"), url);
        assert_eq!(span.field("http.response.status_code"), status);
        assert_eq!((span.field("http.request.resend_count"), span.field("url.template")), (resends, ""));
    }
    assert!(!format!("{ours:?}").contains("hunter2"));
}

#[tokio::test]
async fn unusual_methods_and_failures_of_outbound_calls_are_told() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let gone = "http://user:hunter2@127.0.0.1:1/x";
    let spans = Spans::start();
    outbound.request("PURGE".parse().unwrap(), host.at("/")).send().await.unwrap();
    outbound.get(gone).send().await.unwrap_err();
    let ours = spans.ours();
    let [purge, failed] = &ours[..] else { panic!("{ours:?}") };
    let method = ["otel.name", "http.request.method", "http.request.method_original"];
    assert_eq!(method.map(|field| purge.field(field)), ["HTTP", "_OTHER", "PURGE"]);
    let end = ["error.type", "otel.status_code", "url.full"];
    assert_eq!(end.map(|field| failed.field(field)), ["connect", "ERROR", "http://127.0.0.1:1/x"]);
}

#[tokio::test]
async fn middleware_opens_the_same_span() {
    let host = Host::http().await;
    let outbound: OutboundClient = outbound(&[&host], |builder| builder);
    let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
    let spans = Spans::start();
    use aigc_auth::context::InContext;
    client.get(host.at("/a?b=c")).send().in_context(alice()).await.unwrap();
    let ours = spans.ours();
    let [call] = &ours[..] else { panic!("{ours:?}") };
    assert_eq!((call.field("url.full"), call.field("http.response.status_code")), (&*host.at("/a"), "200"));
}
