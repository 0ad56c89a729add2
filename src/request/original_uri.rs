//! The URI as it was sent.

use axum::extract::OriginalUri;
use http::{Extensions, Uri};

/// The URI as it was sent: inside `nest`, axum has cut the prefix off the request's own.
pub(crate) fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions.get::<OriginalUri>().map_or(uri, |OriginalUri(original)| original)
}
