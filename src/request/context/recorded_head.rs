//! What a usage record says of the call itself.

use axum::extract::MatchedPath;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Extensions, Method, Uri};

use crate::request::original_uri::original_uri;

/// The head of a call that is recorded: cheap handles, which are formatted off the request's path.
///
/// It lies in the context, which a record keeps anyway: what waits for the reporter beside it is small.
#[derive(Clone)]
pub(crate) struct RecordedHead {
    pub(crate) method: Method,
    pub(crate) path: Option<PathAndQuery>,
    /// The route's path, if it has parameters.
    pub(crate) template: Option<MatchedPath>,
    pub(crate) content_type: Option<HeaderValue>,
}

impl RecordedHead {
    #[inline]
    pub(super) fn of(
        method: &Method,
        uri: &Uri,
        extensions: &Extensions,
        content_type: Option<&HeaderValue>,
    ) -> Self {
        Self {
            method: method.clone(),
            path: original_uri(extensions, uri).path_and_query().cloned(),
            // A matched path without `{` has no parameters.
            template: extensions.get::<MatchedPath>().filter(|path| path.as_str().contains('{')).cloned(),
            content_type: content_type.cloned(),
        }
    }
}
