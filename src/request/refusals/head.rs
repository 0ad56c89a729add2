use std::sync::Arc;

use http::header::HeaderMap;
use http::{Method, Uri};

use crate::request::original_uri::original_uri;

/// What a responder sees of a request.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(super) method: &'a Method,
    /// As it was sent.
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a http::Request<B>) -> Self {
        let uri = original_uri(request.extensions(), request.uri());
        Self { method: request.method(), uri, headers: request.headers() }
    }
}

/// The same of a request that its handler has taken. It shares the buffer that the head was read into, and so lives no
/// longer than the request: its future owns it, and contexts, which usage records and spawned tasks keep, only refer to it.
pub(crate) struct RequestHead {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl RequestHead {
    #[cold]
    pub(super) fn of<B>(request: &http::Request<B>) -> Arc<Self> {
        let Head { method, uri, headers } = Head::of(request);
        Arc::new(Self { method: method.clone(), uri: uri.clone(), headers: headers.clone() })
    }

    pub(crate) fn head(&self) -> Head<'_> {
        Head { method: &self.method, uri: &self.uri, headers: &self.headers }
    }
}
