//! Spans, and the headers by which calls belong to the trace of a request.

// What is sent of `traceparent` and `tracestate`, to the auth center and by the outbound client.
mod headers;
// The spans of lookups and calls, and their fields.
mod spans;
// Spans that are opened on this thread.
pub(crate) mod support;
// `user.id` in the span of a request.
mod user_id;
