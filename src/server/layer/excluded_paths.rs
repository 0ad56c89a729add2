use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::named_route::is_named;
use crate::request::context::Request;
use crate::request::original_uri::original_uri;

/// What a path is never sent with as it is, besides what is not ASCII: the path percent-encode set of the URL standard.
const NEVER_SENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The paths that need no credential.
///
/// They are compared with the path as it was sent: lists that are matched against a path that the router or a proxy
/// decodes differently have been bypassed elsewhere (CVE-2021-31920). They open what stands under that name: see
/// [`is_named`].
#[derive(Clone, Debug, Default)]
pub(super) struct ExcludedPaths {
    paths: Vec<Box<str>>,
    /// Without a trailing slash.
    prefixes: Vec<Box<str>>,
}

impl ExcludedPaths {
    #[track_caller]
    pub(super) fn add_path(&mut self, path: &str) {
        if let Some(problem) = problem(path) {
            panic!("excluded path {path:?} {problem}");
        }
        self.paths.push(path.into());
    }

    #[track_caller]
    pub(super) fn add_prefix(&mut self, prefix: &str) {
        let trimmed = prefix.trim_end_matches('/');
        if let Some(problem) = problem(trimmed) {
            panic!("excluded prefix {prefix:?} {problem}");
        }
        self.prefixes.push(trimmed.into());
    }

    /// Returns whether the request's path is excluded.
    #[inline(always)]
    pub(super) fn contain(&self, request: Request<'_>) -> bool {
        !(self.paths.is_empty() && self.prefixes.is_empty()) && self.search(request)
    }

    /// Returns whether all requests to this route, a template of axum, are excluded.
    #[cfg(feature = "utoipa")]
    pub(super) fn contain_route(&self, template: &str) -> bool {
        self.paths.iter().any(|path| **path == *template)
            || self.prefixes.iter().any(|prefix| is_below(template, prefix))
    }

    #[inline(never)]
    fn search(&self, request: Request<'_>) -> bool {
        let path = original_uri(request.extensions, request.uri).path();
        let paths = self.paths.iter().filter(|excluded| ***excluded == *path);
        let prefixes = self.prefixes.iter().filter(|prefix| is_below(path, prefix));
        paths.chain(prefixes).any(|excluded| is_named(excluded, request.extensions))
    }
}

/// Returns what is wrong with an exclusion that no request would match, or that would not mean what it says.
fn problem(path: &str) -> Option<Cow<'static, str>> {
    if !path.starts_with('/') {
        return Some("must start with `/`, and as a prefix must not be `/`".into());
    }
    if path.contains(['?', '#']) {
        return Some("must have no query and no fragment".into());
    }
    if path.contains(['*', '{', '}']) {
        return Some(
            "must have no wildcards and no parameters: `exclude_prefix` covers what is below a path".into(),
        );
    }
    let sent = as_sent(path);
    if !is_plain(&sent) {
        return Some(
            "must have no empty or dotted segments, no `\\`, no control characters, no escaped separators and no escapes of escapes"
                .into(),
        );
    }
    (sent != path).then(|| format!("must be written as it is sent: {sent:?}").into())
}

/// Escapes what is never sent as it is.
fn as_sent(path: &str) -> String {
    let mut sent = String::new();
    for (n, part) in path.split('%').enumerate() {
        if n > 0 {
            sent.push_str(if is_escape(part) { "%" } else { "%25" });
        }
        sent.extend(utf8_percent_encode(part, NEVER_SENT));
    }
    sent
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && is_plain(rest)))
}

/// Returns whether every parser of this path sees the same segments: none is empty, leads upwards or hides a separator, also for those
/// who decode before they look at parameters (`..%3b`), or twice (`%252e`). What is escaped more often than that is not plain.
fn is_plain(path: &str) -> bool {
    if !path.contains('%') {
        return has_plain_segments(path);
    }
    // What is no text is text to others, who drop the bytes that are wrong, or read two for a dot.
    let decoded = |path: &str| percent_decode_str(path).decode_utf8().ok().map(Cow::into_owned);
    let Some(once) = decoded(path).filter(|_| are_escapes(path)) else { return false };
    let Some(twice) = decoded(&once) else { return false };
    [path, &once, &twice].into_iter().all(has_plain_segments)
        && decoded(&twice).is_some_and(|more| more == twice)
}

/// Returns whether each `%` starts an escape: some servers have others, such as `%u002e`.
fn are_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(is_escape)
}

/// Returns whether this, after a `%`, is an escape.
fn is_escape(after: &str) -> bool {
    after.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
}

fn has_plain_segments(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return true;
    }
    let lower = path.to_ascii_lowercase();
    // Parsers of URLs pass over some control characters, and `.%09.` is `..` to them.
    !lower.contains(|char: char| char == '\\' || char.is_ascii_control())
        && !lower.contains("%2f")
        && !lower.contains("%5c")
        && lower.strip_suffix('/').unwrap_or(&lower).split('/').all(|segment| {
            let segment = segment.replace("%2e", ".");
            // `;` starts a parameter that some servers drop: `/..;/` is `/../` to them. Dots and spaces at a name's end are none to
            // Windows.
            let leads_on = |name: &str| {
                !name.trim_end_matches(|char: char| char == '.' || char.is_whitespace()).is_empty()
            };
            let start = segment.split(';').next().is_some_and(leads_on);
            // Decoded too early, a path ends at `?` and `#`: at a name's start that leads nowhere else.
            let end =
                segment.split([';', '?', '#']).next().is_some_and(|name| name.is_empty() || leads_on(name));
            start && end
        })
}

#[cfg(test)]
mod tests {
    use http::{Extensions, Method, Uri, Version};

    use super::*;
    use crate::request::context::Headers;

    fn excludes(exclusions: &ExcludedPaths, path: &str) -> bool {
        // A target of one word is an authority to `Uri`, and has the path "".
        let uri = if path.is_empty() { Uri::from_static("authority:80") } else { path.parse().unwrap() };
        let (headers, extensions) = (Headers::default(), Extensions::new());
        let (headers, extensions) = (&headers, &extensions);
        exclusions.contain(Request {
            headers,
            method: &Method::GET,
            uri: &uri,
            version: Version::HTTP_11,
            extensions,
            head: None,
            is_recorded: false,
        })
    }

    #[test]
    fn paths_match_by_whole_raw_segments() {
        let mut exclusions = ExcludedPaths::default();
        exclusions.add_path("/health");
        exclusions.add_prefix("/public");
        exclusions.add_prefix("/static/");
        for (path, expected) in [
            ("/health", true),
            ("/health/", false),
            ("/HEALTH", false),
            ("/healthz", false),
            ("/admin/health", false),
            ("/%68ealth", false),
            ("/public", true),
            ("/public/", true),
            ("/public/hello", true),
            ("/public/a/b/", true),
            ("/public/a.b/%E4%BD%A0", true),
            ("/publicity", false),
            ("/public%2Fx", false),
            ("/public/../admin", false),
            ("/public/..", false),
            ("/public/./x", false),
            ("/public/%2e%2E/admin", false),
            ("/public/.%2e/admin", false),
            ("/public/..;/admin", false),
            ("/public/x%2f..%2fadmin", false),
            ("/public/x%5c..%5cadmin", false),
            ("/public/x\\..\\admin", false),
            ("/public/..%3b/admin", false),
            ("/public/%252e%252e/admin", false),
            ("/public/%25%32%65%2%65/admin", false),
            ("/public/x%252F..%252Fadmin", false),
            ("/public/x%255c..%255cadmin", false),
            ("/public/%25252e%25252e/admin", false),
            ("/public/%2525252e%2525252e/admin", false),
            ("/public/a%2525252eb", false),
            ("/public/..%3f/admin", false),
            ("/public/..%23/admin", false),
            ("/public/..%253Fx/admin", false),
            ("/public/.%09./admin", false),
            ("/public/..%00/admin", false),
            ("/public/..%20/admin", false),
            ("/public/..%C2%A0/admin", false),
            ("/public/.../admin", false),
            ("/public/%c0%ae%c0%ae/admin", false),
            ("/public/.%ff./admin", false),
            ("/public/.%25ff./admin", false),
            ("/public/%u002e%u002e/admin", false),
            ("/public/%23rust/%3Fhelp/c%23", true),
            ("/public/a%20b/.well-known/x..y", true),
            ("/public/a%2520b%3Fv%3D1%23top", true),
            ("/public/100%25.png", true),
            ("/public/a%3Bv=1%20%26", true),
            ("/public//admin", false),
            ("/public//", false),
            ("//public", false),
            ("/x/public", false),
            ("/static", true),
            ("/static/app.js", true),
            ("/", false),
            ("", false),
            ("*", false),
        ] {
            assert_eq!(excludes(&exclusions, path), expected, "{path}");
        }
    }

    #[test]
    fn exclusion_that_no_request_can_match_panics() {
        let message = |added: std::thread::Result<()>| match added {
            Ok(()) => "accepted".to_owned(),
            Err(panic) => *panic.downcast::<String>().unwrap(),
        };
        for (exclusion, as_path, as_prefix) in [
            ("/", "accepted", "must start with `/`"),
            ("", "must start with `/`", "must start with `/`"),
            ("public", "must start with `/`", "must start with `/`"),
            ("//", "no empty", "must start with `/`"),
            ("/a//b", "no empty", "no empty"),
            ("/a/../b", "dotted", "dotted"),
            ("/./a", "dotted", "dotted"),
            ("/a/%2E%2e/b", "dotted", "dotted"),
            ("/a/..;x/b", "dotted", "dotted"),
            ("/a/%25252e/b", "dotted", "dotted"),
            ("/a%2fb", "separators", "separators"),
            ("/a\\b", "separators", "separators"),
            ("/a?b=c", "no query", "no query"),
            ("/a#b", "no query", "no query"),
            ("/docs/*", "no wildcards", "no wildcards"),
            ("/users/{id}", "no wildcards", "no wildcards"),
            ("/a b", "as it is sent: \"/a%20b\"", "as it is sent: \"/a%20b\""),
            ("/a\tb", "no control", "no control"),
            ("/a%09b", "no control", "no control"),
            ("/a<b>", "\"/a%3Cb%3E\"", "\"/a%3Cb%3E\""),
            ("/公开", "\"/%E5%85%AC%E5%BC%80\"", "\"/%E5%85%AC%E5%BC%80\""),
            ("/100%", "\"/100%25\"", "\"/100%25\""),
            ("/100%/x%2", "\"/100%25/x%252\"", "\"/100%25/x%252\""),
            ("/a/", "accepted", "accepted"),
            ("/%E5%85%AC%E5%BC%80", "accepted", "accepted"),
            // A link may be written so, and a browser leaves it.
            ("/%e5%85%ac", "accepted", "accepted"),
            ("/~me/a.b;c=1,2/(d)|e", "accepted", "accepted"),
        ] {
            let path = std::panic::catch_unwind(|| ExcludedPaths::default().add_path(exclusion));
            let prefix = std::panic::catch_unwind(|| ExcludedPaths::default().add_prefix(exclusion));
            for (seen, expected) in [(message(path), as_path), (message(prefix), as_prefix)] {
                assert!(seen.contains(expected), "{exclusion:?}: {seen}");
            }
        }
    }
}
