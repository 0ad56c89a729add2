//! The spans of lookups: of requests that wait for one, and of refreshes. A value from the cache has none.

use tracing::Span;
use tracing::field::Empty;

use super::source::is_rejection;
use crate::ports::observer::LookedUp;
use crate::types::error::AuthError;
use crate::upstream::http_span::TARGET;

/// The span of a request that waits for a lookup, be it its own or that of another request for the same.
pub(super) fn waiting(of: LookedUp) -> Span {
    let of = of.as_str();
    tracing::info_span!(
        target: TARGET,
        "lookup",
        otel.kind = "internal",
        otel.name = format!("lookup {of}"),
        otel.status_code = Empty,
        aigc_auth.lookup.of = of,
        aigc_auth.lookup.outcome = Empty,
        "error.type" = Empty,
    )
}

/// The span of a refresh. A root, with the request that started it as a link: as its child it would keep the span of that request open
/// until it ends, and nobody waits for it.
pub(super) fn refresh(of: LookedUp) -> Span {
    let of = of.as_str();
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "refresh",
        otel.kind = "internal",
        otel.name = format!("refresh {of}"),
        otel.status_code = Empty,
        aigc_auth.lookup.of = of,
        aigc_auth.lookup.outcome = Empty,
        "error.type" = Empty,
    );
    span.follows_from(Span::current());
    span
}

/// Records how a lookup has ended. A rejected credential is an answer, and no error of this service.
pub(super) fn end(span: &Span, error: Option<&AuthError>) {
    if span.is_disabled() {
        return;
    }
    let outcome = match error {
        None => "found",
        Some(error) if is_rejection(error) => "rejected",
        Some(error) => {
            span.record("error.type", error.kind().as_str());
            span.record("otel.status_code", "ERROR");
            "failed"
        }
    };
    span.record("aigc_auth.lookup.outcome", outcome);
}
