//! The spans as an exporter receives them, and the trace as the auth center does.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use aigc_auth::AuthClient;
use aigc_auth::testing::{AuthCenter, Fault};
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use opentelemetry_semantic_conventions::{SCHEMA_URL, attribute};
use test_support::http::{App, center, get, serve};
use test_support::process::Program;
use tracing::subscriber::DefaultGuard;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The service, and what it exports from this thread.
struct Service {
    center: AuthCenter,
    app: App,
    exported: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Service {
    async fn start() -> Self {
        let exported = InMemorySpanExporter::default();
        let (subscriber, provider) = traces::subscriber(exported.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        let center = center().await;
        let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
        let app = serve(traces::app(client.trace_headers(traces::inject).build().unwrap())).await;
        Self { center, app, exported, provider, _guard: guard }
    }

    /// Asks within the caller's trace, and returns the status and the spans.
    async fn ask(&self) -> (u16, Vec<SpanData>) {
        self.exported.reset();
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let headers = [("authorization", "Bearer alice-token"), ("traceparent", &*parent)];
        let status = get(self.app.address, "/me", &headers).await.status;
        // The span ends with the response's body, which may be after the client has read it.
        test_support::until("the span of the request ends", || {
            let spans = self.exported.get_finished_spans().unwrap();
            spans.iter().any(|span| span.span_kind == SpanKind::Server)
        })
        .await;
        self.provider.force_flush().unwrap();
        (status, self.exported.get_finished_spans().unwrap())
    }
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name)?;
    Some(found.value.as_str().into_owned())
}

#[tokio::test]
async fn trace_of_the_caller_goes_through_the_service_to_the_auth_center() {
    let service = Service::start().await;
    let (status, spans) = service.ask().await;
    assert_eq!(status, 200);
    let call = "POST /aigc-auth/sdk/user/info";
    let [request, lookup, call] = ["GET", "lookup token", call].map(|name| named(&spans, name));
    assert_eq!(spans.len(), 3, "{spans:#?}");
    for span in &spans {
        assert_eq!(span.span_context.trace_id().to_string(), TRACE);
        assert_eq!(span.status, Status::Unset, "{}", span.name);
    }
    let parents = [request, lookup, call].map(|span| span.parent_span_id);
    let id = |span: &SpanData| span.span_context.span_id();
    assert_eq!(parents, [SpanId::from_hex(PARENT).unwrap(), id(request), id(lookup)]);
    assert_eq!((call.span_kind.clone(), lookup.span_kind.clone()), (SpanKind::Client, SpanKind::Internal));
    let received = service.center.requests()[0].headers["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(
        received,
        format!("00-{TRACE}-{}-01", id(call)),
        "the auth center is called by the call's span"
    );

    // The names are those of the conventions that `docs/observability.md` cites.
    assert_eq!(SCHEMA_URL, "https://opentelemetry.io/schemas/1.42.0");
    let (url, alice) = (service.center.url(), aigc_auth::testing::user("alice").build().id().to_string());
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    for (span, name, value) in [
        (request, attribute::USER_ID, alice),
        (call, attribute::HTTP_REQUEST_METHOD, "POST".to_owned()),
        (call, attribute::HTTP_RESPONSE_STATUS_CODE, "200".to_owned()),
        (call, attribute::SERVER_ADDRESS, "127.0.0.1".to_owned()),
        (call, attribute::SERVER_PORT, port),
        (call, attribute::URL_FULL, format!("{url}/sdk/user/info")),
        (call, attribute::URL_TEMPLATE, "/aigc-auth/sdk/user/info".to_owned()),
    ] {
        assert_eq!(attribute(span, name), Some(value), "{name}");
    }

    let (status, spans) = service.ask().await;
    assert_eq!((status, spans.len()), (200, 1), "a cached user opens no span: {spans:#?}");
    assert_eq!(service.center.calls("/user/info"), 1);
}

#[tokio::test]
async fn failures_are_errors_of_the_spans_and_retries_are_counted() {
    let service = Service::start().await;
    service.center.inject_fault(Fault::status(503));
    let (status, spans) = service.ask().await;
    assert_eq!(status, 503);
    let calls: Vec<_> = spans.iter().filter(|span| span.span_kind == SpanKind::Client).collect();
    assert_eq!(calls.len(), 2, "{spans:#?}");
    let mut resends = vec![];
    for call in calls {
        assert_eq!(call.status, Status::error(""));
        assert_eq!(attribute(call, attribute::ERROR_TYPE).as_deref(), Some("503"));
        resends.push(attribute(call, attribute::HTTP_REQUEST_RESEND_COUNT));
    }
    assert_eq!(resends, [None, Some("1".to_owned())]);
    let lookup = named(&spans, "lookup token");
    assert_eq!(lookup.status, Status::error(""));
    assert_eq!(attribute(lookup, attribute::ERROR_TYPE).as_deref(), Some("unavailable"));
    let shown = format!("{spans:?}");
    assert!(!shown.contains("alice-token") && !shown.contains("test-secret"), "{shown}");
}

#[tokio::test]
async fn program_prints_its_spans() {
    let app = Program(env!("CARGO_BIN_EXE_traces")).start("traces", &[]).await;
    let answer = test_support::http::get_as(app.address, "alice-token", "/me").await;
    assert_eq!((answer.status, &*answer.body), (200, "hello, alice\n"));
    app.signal("TERM");
    let (printed, status) = app.ended().await;
    for part in ["lookup token", "POST /aigc-auth/sdk/user/info", "user.id", "drained, good-bye"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(status.code(), Some(0));
}

#[test]
fn guide_shows_this_code() {
    let guide = include_str!("../../../docs/observability.md");
    let blocks: Vec<_> =
        guide.split("```rust,ignore\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        assert!(include_str!("../src/lib.rs").contains(block), "{block}");
    }
}
