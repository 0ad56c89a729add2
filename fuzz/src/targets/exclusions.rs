//! Which paths need no credential, against a model that takes segments apart.
//!
//! The first line of the input is an exclusion, `=` an exact one or `/` a prefix; the second is the path of a request.

use std::convert::Infallible;

use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
use axum::body::Body;
use http::{Request, Response, StatusCode, Uri};
use tower::{Layer, ServiceExt, service_fn};

struct Nobody;

impl<C: Send + 'static> Verify<C> for Nobody {
    async fn verify(&self, _: C) -> Result<UserInfo, AuthError> {
        Err(aigc_auth::error::ErrorKind::InvalidCredential.into())
    }
}

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (Some(exclusion), Some(path)) = (lines.next(), lines.next()) else { return };
    let (exclusion, is_prefix) = match exclusion.strip_prefix('=') {
        Some(exact) => (exact, false),
        None => (exclusion, true),
    };
    if !path.starts_with('/') {
        return;
    }
    let Ok(uri) = Uri::try_from(path) else { return };
    // Others panic, which has a table of its own.
    if !is_exclusion(exclusion, is_prefix) {
        return;
    }
    let layer = match is_prefix {
        true => AuthLayer::new(Nobody).exclude_prefix(exclusion),
        false => AuthLayer::new(Nobody).exclude_path(exclusion),
    };
    let sent = uri.path().to_owned();
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let status = super::block_on(layer.layer(inner).oneshot(request)).unwrap().status();
    let expected = if is_prefix { is_below(&sent, exclusion) } else { sent == exclusion };
    let expected = if expected { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    assert_eq!(status, expected, "{exclusion:?} (prefix: {is_prefix}) and {sent:?}");
    if status == StatusCode::OK {
        let end = normalized(&sent);
        let start = normalized(exclusion);
        assert!(end.starts_with(&start), "{exclusion:?} opens {sent:?}, which is {end:?}");
    }
}

/// Whether a path may be excluded: it is written as it is sent, and nobody reads its segments otherwise.
fn is_exclusion(path: &str, is_prefix: bool) -> bool {
    let path = if is_prefix { path.trim_end_matches('/') } else { path };
    let is_sent = |at: usize, byte: u8| match byte {
        b'%' => {
            path.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        byte => byte.is_ascii_graphic() && !b"\"<>`?#*{}".contains(&byte),
    };
    let Some(segments) = path.strip_prefix('/') else { return false };
    path.bytes().enumerate().all(|(at, byte)| is_sent(at, byte))
        && (segments.is_empty() || are_plain(segments.strip_suffix('/').unwrap_or(segments).split('/')))
}

/// The prefix itself, or it and further segments that nobody reads otherwise.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix: Vec<&str> = prefix.trim_end_matches('/').split('/').collect();
    let mut segments: Vec<&str> = path.split('/').collect();
    if segments.len() < prefix.len() || segments[..prefix.len()] != prefix[..] {
        return false;
    }
    let mut below = segments.split_off(prefix.len());
    // One slash at the end.
    if below.last() == Some(&"") {
        below.pop();
    }
    are_plain(below.into_iter())
}

/// As they are sent, and to those who decode them before they look, or twice.
fn are_plain<'a>(mut segments: impl Iterator<Item = &'a str>) -> bool {
    segments.all(|segment| {
        let Some(once) = decoded(segment).filter(|_| is_escaped_well(segment)) else { return false };
        let Some(twice) = decoded(&once) else { return false };
        is_plain(segment) && is_plain(&once) && is_plain(&twice) && decoded(&twice) == Some(twice)
    })
}

/// As a second decoding would change nothing but escapes.
fn is_escaped_well(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    (0..bytes.len())
        .filter(|&at| bytes[at] == b'%')
        .all(|at| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

fn is_plain(segment: &str) -> bool {
    let lower = segment.to_ascii_lowercase();
    let name = lower.replace("%2e", ".");
    let is_name = |name: &str| name.chars().any(|char| char != '.' && !char.is_whitespace());
    let (of_all, name) =
        (name.split(';').next().unwrap_or_default(), name.split([';', '?', '#']).next().unwrap_or_default());
    is_name(of_all)
        && (name.is_empty() || is_name(name))
        && !["%2f", "%5c", "\\", "/"].iter().any(|hidden| lower.contains(hidden))
        && !lower.bytes().any(|byte| byte < b' ' || byte == 127)
}

/// Without its escapes, if that is text; what is none stays.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let value =
            digits.map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
        bytes.push(value.unwrap_or(first));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// What a lenient server makes of a path: decoded three times, control characters dropped, `\` as `/`, parameters dropped, dots resolved.
fn normalized(path: &str) -> Vec<String> {
    let decoded = (0..3).fold(path.to_owned(), |path, _| decoded(&path).unwrap_or(path));
    let decoded = decoded.to_ascii_lowercase().replace('\\', "/");
    let decoded = decoded.replace(|char: char| char.is_ascii_control(), "");
    let mut segments: Vec<String> = Vec::new();
    for segment in decoded.split('/') {
        match segment.split([';', '?', '#']).next().unwrap_or_default().trim_end_matches(' ') {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_owned()),
        }
    }
    segments
}
