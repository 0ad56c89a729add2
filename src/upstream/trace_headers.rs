//! The headers by which a call belongs to the trace of the request that caused it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName};
use tracing::Span;

use crate::request::context;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where the headers come from.
///
/// By default they are those of the current request, unchanged. W3C Trace Context, section 3.4 ("Mutating the traceparent Field"):
/// whoever records no spans of its own forwards the header, for a parent id that nobody has recorded would cut the trace in two.
/// Whoever does record spans gives the headers: they name the span of the call.
#[derive(Clone, Default)]
pub(crate) struct TraceHeaders(Option<Arc<Write>>);

type Write = dyn Fn(&mut HeaderMap) + Send + Sync;

impl TraceHeaders {
    pub(crate) fn by(write: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(write)))
    }

    /// Returns the headers of a call that has this span.
    pub(crate) fn of_call(&self, span: &Span) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match &self.0 {
            Some(write) => {
                // Unwind safety: what a panic has left of the headers is thrown away.
                let wrote = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| write(&mut headers))));
                if wrote.is_err() {
                    // The panic itself is in the log: the panic hook's. A call is worth more than its trace.
                    tracing::error!("what writes the headers of traces panicked: a call goes without them");
                    headers.clear();
                }
            }
            None => {
                if let Some(trace) = context::current().and_then(|context| context.trace()) {
                    headers.insert(TRACEPARENT, trace.parent);
                    headers.extend(trace.state.map(|state| (TRACESTATE, state)));
                }
            }
        }
        headers
    }
}

impl fmt::Debug for TraceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "those of the request" })
    }
}
