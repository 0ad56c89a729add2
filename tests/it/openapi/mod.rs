//! Documents in OpenAPI: what they say of handlers and layers, against what those do.

// What handlers require, as documents say it and as they check it.
mod handlers;
// What layers add: schemes, answers, excluded paths.
mod layers;
// Services that are documented, and callers with just the rights that a document names.
mod support;
