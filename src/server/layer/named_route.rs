//! Whether a route stands under a name, or was found by a value that the caller chose.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, MatchedPath, OriginalUri, RawPathParams};
use http::Extensions;
use percent_encoding::percent_decode_str;

/// Returns whether the route of a request has the segments of this path, which the request's begins with, as its name.
///
/// If not, they are values of parameters, as `/public/admin` is to the route `/{tenant}/admin`. What no router has
/// matched has only the request's path for a name.
pub(super) fn is_named(path: &str, extensions: &Extensions) -> bool {
    match extensions.get::<MatchedPath>() {
        Some(template) => begins_with(template.as_str(), path),
        None => !has_parameter_of(path, extensions),
    }
}

/// Returns whether a template of axum begins with these segments as literals.
///
/// A segment with a parameter has a brace, which no exclusion has. A catch-all stands for all that is below it: its
/// handler takes paths, not a name, like that of a fallback.
fn begins_with(template: &str, path: &str) -> bool {
    let mut rest = template.strip_prefix('/');
    for name in path.split('/').skip(1) {
        let Some(current) = rest else { return false };
        let (segment, after) = match current.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (current, None),
        };
        if segment.starts_with("{*") {
            // A router that a catch-all calls matches the whole path, and axum appends its template.
            return match after {
                Some(_) => begins_with(&current[segment.len()..], path),
                None => true,
            };
        }
        if segment != name {
            return false;
        }
        rest = after;
    }
    true
}

/// Returns whether a router took one of these segments for a parameter: on its way to a fallback, or to what
/// `nest_service` holds. Axum shows the template of neither, but the parameters' values.
fn has_parameter_of(path: &str, extensions: &Extensions) -> bool {
    // A router leaves the original URI, too: without one, there is nothing to copy.
    if extensions.get::<OriginalUri>().is_none() {
        return false;
    }
    match parameters(extensions) {
        Some(Ok(parameters)) => path.split('/').skip(1).any(|segment| {
            let segment = percent_decode_str(segment).decode_utf8_lossy();
            parameters.iter().any(|(_, value)| value == segment)
        }),
        Some(Err(RawPathParamsRejection::MissingPathParams(_))) => false,
        // Which ones cannot be told.
        Some(Err(_)) | None => true,
    }
}

/// Reads the parameters, which axum gives to extractors alone. Theirs waits for nothing.
fn parameters(extensions: &Extensions) -> Option<Result<RawPathParams, RawPathParamsRejection>> {
    let mut request = http::Request::new(());
    *request.extensions_mut() = extensions.clone();
    let (mut parts, ()) = request.into_parts();
    let extracted = pin!(RawPathParams::from_request_parts(&mut parts, &()));
    match extracted.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(parameters) => Some(parameters),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_begins_with_literals() {
        for (template, path, expected) in [
            ("/public", "/public", true),
            ("/public/hello", "/public", true),
            ("/public/{id}", "/public", true),
            ("/public/{id}", "/public/7", false),
            ("/public/{*rest}", "/public", true),
            ("/public/{*rest}", "/public/app.js", true),
            ("/{*rest}", "/public", true),
            ("/{*rest}", "/public/app.js", true),
            ("/{tenant}", "/public", false),
            ("/{tenant}/admin", "/public", false),
            ("/{tenant}/{*rest}", "/public", false),
            ("/{a}/public", "/public", false),
            ("/pub{rest}", "/public", false),
            ("/pub{*rest}", "/public", false),
            ("/{{public}}", "/public", false),
            ("/a/{b}/c", "/a", true),
            ("/a/{b}/c", "/a/b/c", false),
            ("/admin", "/public", false),
            ("/", "/public", false),
            ("/", "/", true),
            ("/public/", "/public/", true),
            ("/public", "/public/", false),
            // Routers in a catch-all and in a route of `route_service`.
            ("/{*all}/public/hello", "/public", true),
            ("/{*all}/{tenant}/admin", "/public", false),
            ("/{*all}/{tenant}/{*rest}", "/public", false),
            ("/{*all}/{*rest}", "/public", true),
            ("/files/{*all}/files/public/x", "/files/public", true),
            ("/files/{*all}/files/{id}", "/files/public", false),
            ("/public/public", "/public", true),
        ] {
            assert_eq!(begins_with(template, path), expected, "{template} {path}");
        }
    }
}
