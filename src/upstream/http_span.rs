//! Spans of outgoing HTTP requests, one for each that is sent, by OpenTelemetry's semantic conventions 1.42.0 for HTTP clients.
//! <https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span>
//!
//! `otel.kind`, `otel.name` and `otel.status_code` are what the crate `tracing-opentelemetry` takes the span's kind, name and status
//! from.

use http::{Method, StatusCode};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Level, Span};
use url::Url;

/// The target of all spans of this crate, for filters.
pub(crate) const TARGET: &str = "aigc_auth::trace";

/// The span of a request, until it is answered, fails or is dropped.
pub(crate) struct HttpSpan {
    span: Span,
    /// When whoever waits for the answer drops the request.
    deadline: Option<Instant>,
    is_ended: bool,
}

/// What a request is about.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a str,
    /// Whether the path has nothing in it that differs from call to call, so that it may stand in the span's name.
    pub(crate) is_template: bool,
    /// How often the request was sent before: a retry, or a redirect.
    pub(crate) resends: u32,
    pub(crate) deadline: Option<Instant>,
}

impl HttpSpan {
    /// Opens a span as a child of the current one. Costs nothing if nobody wants it.
    pub(crate) fn start(request: &Outgoing<'_>) -> Self {
        let span =
            if tracing::span_enabled!(target: TARGET, Level::INFO) { open(request) } else { Span::none() };
        Self { is_ended: span.is_none(), span, deadline: request.deadline }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Records the status of the answer. 4xx and 5xx are errors of a call.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        if self.span.is_none() {
            return;
        }
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_client_error() || status.is_server_error() {
            self.failed(status.as_str());
        }
        self.is_ended = true;
    }

    /// Records why there was no answer, or none that can be used: by a word of a small set.
    pub(crate) fn failed(&mut self, error_type: &str) {
        self.span.record("error.type", error_type);
        self.span.record("otel.status_code", "ERROR");
        self.is_ended = true;
    }

    /// Records an error of the HTTP client.
    pub(crate) fn broke(&mut self, error: &reqwest::Error) {
        self.failed(if error.is_connect() {
            "connect"
        } else if error.is_timeout() {
            "timeout"
        } else if error.is_builder() {
            "invalid_request"
        } else {
            "interrupted"
        });
    }
}

impl Drop for HttpSpan {
    fn drop(&mut self) {
        if !self.is_ended {
            let is_late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
            self.failed(if is_late { "timeout" } else { "cancelled" });
        }
    }
}

fn open(request: &Outgoing<'_>) -> Span {
    let Ok(url) = Url::parse(request.url) else { return Span::none() };
    let method = known(request.method);
    let template = request.is_template.then(|| url.path());
    let name = match template {
        Some(path) => format!("{} {path}", method.unwrap_or("HTTP")),
        None => method.unwrap_or("HTTP").to_owned(),
    };
    let (server, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    tracing::info_span!(
        target: TARGET,
        "http_client",
        otel.kind = "client",
        otel.name = name,
        otel.status_code = Empty,
        http.request.method = method.unwrap_or("_OTHER"),
        http.request.method_original = method.is_none().then(|| request.method.as_str()),
        http.request.resend_count = (request.resends > 0).then_some(request.resends),
        http.response.status_code = Empty,
        "error.type" = Empty,
        // Without brackets, as the conventions have addresses.
        server.address = server.trim_start_matches('[').trim_end_matches(']'),
        server.port = port,
        // Its query may hold a secret; a user name and a password do.
        url.full = format!("{}{}", url.origin().ascii_serialization(), url.path()),
        url.template = template,
    )
}

/// The methods that the conventions know; any other is `_OTHER`, for callers may choose it.
fn known(method: &Method) -> Option<&'static str> {
    const METHODS: [&str; 10] =
        ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
    METHODS.into_iter().find(|known| method == known)
}
