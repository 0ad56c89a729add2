use aigc_auth::context::{self, InContext};
use aigc_auth::outbound::OutboundClient;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
use axum::Router;
use axum::routing::get;
use http::HeaderMap;

use crate::outbound::support::Host;
use crate::support::{self, App, center, serve};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01";

/// A service whose handler calls a host that it trusts.
async fn service(client: AuthClient, host: &Host) -> App {
    let outbound = OutboundClient::builder(&client).trust_origin(&host.url).build().unwrap();
    let url = host.at("/");
    let relay =
        move |_: CurrentUser| async move { outbound.get(url).send().await.unwrap().text().await.unwrap() };
    serve(Router::new().route("/", get(relay)).layer(AuthLayer::new(client))).await
}

fn sent(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let all = |name| {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        (!values.is_empty()).then(|| values.join(" | "))
    };
    (all("traceparent"), all("tracestate"))
}

fn to_center(center: &AuthCenter) -> (Option<String>, Option<String>) {
    let requests = center.requests();
    let sent = sent(&requests.last().unwrap().headers);
    center.clear_requests();
    sent
}

#[tokio::test]
async fn trace_of_the_request_goes_to_the_center_and_to_trusted_hosts_if_it_is_valid() {
    let (center, host) = (center().await, Host::http().await);
    let (long, list) = (format!("a={}", "x".repeat(1_100)), vec!["a=1"; 33].join(","));
    for (sent_headers, parent, state) in [
        (vec![], None, None),
        (vec![("traceparent", PARENT)], Some(PARENT), None),
        (
            vec![("traceparent", PARENT), ("tracestate", "rojo=1,congo=t61")],
            Some(PARENT),
            Some("rojo=1,congo=t61"),
        ),
        // Several lines are one list.
        (
            vec![("traceparent", PARENT), ("tracestate", "rojo=1"), ("tracestate", "congo=t61")],
            Some(PARENT),
            Some("rojo=1,congo=t61"),
        ),
        (vec![("traceparent", PARENT), ("tracestate", &long)], Some(PARENT), None),
        (vec![("traceparent", PARENT), ("tracestate", &list)], Some(PARENT), None),
        (vec![("traceparent", PARENT), ("tracestate", "")], Some(PARENT), None),
        (vec![("tracestate", "rojo=1")], None, None),
        (vec![("traceparent", "00-0-0-0"), ("tracestate", "rojo=1")], None, None),
        // Which of the two is meant?
        (vec![("traceparent", PARENT), ("traceparent", OTHER), ("tracestate", "rojo=1")], None, None),
        (vec![("traceparent", PARENT), ("traceparent", PARENT)], None, None),
    ] {
        let app = service(support::client(&center), &host).await;
        let mut headers = vec![("authorization", "Bearer alice-token")];
        headers.extend(&sent_headers);
        assert_eq!(support::get(app.address, "/", &headers).await.body, "ok");
        let expected = (parent.map(str::to_owned), state.map(str::to_owned));
        assert_eq!(to_center(&center), expected, "to the center: {sent_headers:?}");
        assert_eq!(sent(&host.one().headers), expected, "to the host: {sent_headers:?}");
    }
}

/// From a head so large that nothing of it is kept but copies.
#[tokio::test]
async fn trace_of_a_request_with_a_large_head_goes_along() {
    let (center, host) = (center().await, Host::http().await);
    let app = service(support::client(&center), &host).await;
    let (cookie, state) = ("c".repeat(20_000), format!("a={}", "x".repeat(1_000)));
    for (state, expected) in [(&*state, Some(state.clone())), (&format!("{state}{state}"), None)] {
        let headers = [
            ("authorization", "Bearer alice-token"),
            ("cookie", &*cookie),
            ("traceparent", PARENT),
            ("tracestate", state),
        ];
        assert_eq!(support::get(app.address, "/", &headers).await.body, "ok");
        assert_eq!(sent(&host.one().headers), (Some(PARENT.to_owned()), expected));
    }
}

#[tokio::test]
async fn service_with_spans_of_its_own_writes_the_headers() {
    let (center, host) = (center().await, Host::http().await);
    let write = |headers: &mut HeaderMap| {
        // What a tracer does: it names the span of the call.
        let span = tracing::Span::current();
        let of_call = span.metadata().is_none_or(|span| span.target() == "aigc_auth::trace");
        assert!(of_call, "{span:?}");
        headers.insert("traceparent", OTHER.parse().unwrap());
        headers.insert("baggage", "a=1".parse().unwrap());
        // The app's identity stays.
        headers.insert("x-app-secret", "another".parse().unwrap());
    };
    let client = support::client_with(&center, |builder| builder.trace_headers(write));
    let app = service(client.clone(), &host).await;
    let headers =
        [("authorization", "Bearer alice-token"), ("traceparent", PARENT), ("tracestate", "rojo=1")];
    let _spans = crate::trace::support::Spans::start();
    assert_eq!(support::get(app.address, "/", &headers).await.body, "ok");
    for seen in [center.requests()[0].headers.clone(), host.one().headers] {
        assert_eq!(sent(&seen), (Some(OTHER.to_owned()), None));
        assert_eq!(seen["baggage"], "a=1");
        assert_eq!(seen["x-app-secret"], "test-secret");
    }

    let own = OutboundClient::builder(&client)
        .trust_origin(&host.url)
        .trace_headers(|headers| drop(headers.insert("traceparent", PARENT.parse().unwrap())))
        .build()
        .unwrap();
    own.get(host.at("/")).send().await.unwrap();
    assert_eq!(sent(&host.one().headers).0.as_deref(), Some(PARENT), "the builder's own takes precedence");
    own.get(host.at("/")).header("traceparent", OTHER).send().await.unwrap();
    assert_eq!(sent(&host.one().headers).0.as_deref(), Some(OTHER), "and the caller's");
    let stranger = Host::http().await;
    own.get(stranger.at("/")).send().await.unwrap();
    assert_eq!(sent(&stranger.one().headers), (None, None), "untrusted hosts receive nothing");
}

#[tokio::test]
async fn calls_outside_a_request_have_no_trace() {
    let center = center().await;
    let client = support::client(&center);
    assert!(context::current().is_none());
    client.list_users(None, 1, 1).await.unwrap();
    assert_eq!(to_center(&center), (None, None));
    let job = context::RequestContext::builder().trace_id("job-42").build();
    client.list_users(None, 1, 1).in_context(job).await.unwrap();
    let headers = &center.requests()[0].headers;
    assert_eq!((sent(headers), headers["x-trace-id"].to_str().unwrap()), ((None, None), "job-42"));
}

/// A tracer that fails costs the trace and nothing else.
#[tokio::test]
async fn panic_of_what_writes_the_headers_fails_no_call() {
    let (center, host) = (center().await, Host::http().await);
    let write = |headers: &mut HeaderMap| {
        headers.insert("traceparent", OTHER.parse().unwrap());
        panic!("the tracer is gone");
    };
    let client = support::client_with(&center, |builder| builder.trace_headers(write));
    let app = service(client, &host).await;
    let answer = support::get(app.address, "/", &[("authorization", "Bearer alice-token")]).await;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!((to_center(&center).0, sent(&host.one().headers).0), (None, None));
}
