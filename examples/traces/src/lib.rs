//! How a service that records spans by OpenTelemetry shows what its requests wait for.

use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

/// Exports what `RUST_LOG` lets through, `info` by default. In a service, the exporter is that of `opentelemetry-otlp`, with a batch
/// processor in place of the simple one.
pub fn subscriber(
    exporter: impl SpanExporter + 'static,
) -> (impl Subscriber + Send + Sync, SdkTracerProvider) {
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("traces"));
    (tracing_subscriber::registry().with(filter).with(spans), provider)
}

/// Writes the headers that name the current span, for `AuthClientBuilder::trace_headers`.
pub fn inject(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Outgoing(headers));
}

/// A service whose requests have spans, with the id of their user.
pub fn app(client: AuthClient) -> Router {
    let trace = TraceLayer::new_for_http().make_span_with(span_of).on_response(
        |response: &Response, _: std::time::Duration, span: &Span| {
            span.record("http.response.status_code", response.status().as_u16());
        },
    );
    Router::new()
        .route("/me", get(|user: CurrentUser| async move { format!("hello, {}\n", user.username()) }))
        .layer(AuthLayer::new(client).record_user_id())
        // Outside: the layer records into the span of this one.
        .layer(trace)
}

/// The span of a request, which goes on with the trace of the caller.
fn span_of<B>(request: &Request<B>) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = %request.method(),
        http.request.method = %request.method(),
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        // Declared here, recorded by the layer.
        user.id = Empty,
    );
    let caller = TraceContextPropagator::new().extract(&Incoming(request.headers()));
    // Fails only without the layer of tracing-opentelemetry.
    let _ = span.set_parent(caller);
    span
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
