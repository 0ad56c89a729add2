//! Read the ids that a request names.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::types::error::{AuthError, ErrorKind};

/// Longest id that is accepted, in bytes.
const MAX_ID_LEN: usize = 128;

/// The lines of a header.
#[derive(Clone, Copy)]
pub(super) enum Lines<'a> {
    None,
    One(&'a HeaderValue),
    Several,
}

/// Finds several headers in one pass: cheaper than a look-up of each, most of which would miss.
pub(super) fn lines<'a, const N: usize>(headers: &'a HeaderMap, names: [&HeaderName; N]) -> [Lines<'a>; N] {
    let mut found = [Lines::None; N];
    for (name, value) in headers {
        for (wanted, lines) in names.iter().zip(&mut found) {
            // One comparison for the names that `http` knows, which the wanted ones seldom are.
            if name == *wanted {
                *lines = match lines {
                    Lines::None => Lines::One(value),
                    Lines::One(_) | Lines::Several => Lines::Several,
                };
            }
        }
    }
    found
}

/// Returns the id in a header of this name; `None` without the header.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the header is repeated, empty, too long or not UTF-8, or has control characters or
/// spaces around the id: whatever stands behind this service might read another id.
pub(super) fn id<'a>(name: &HeaderName, lines: Lines<'a>) -> Result<Option<&'a str>, AuthError> {
    let refuse = |why: &str| {
        Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(format!("the `{name}` header {why}")))
    };
    let value = match lines {
        Lines::None => return Ok(None),
        Lines::One(value) => value,
        // A proxy may have checked either of them.
        Lines::Several => return refuse("was sent more than once"),
    };
    if value.len() > MAX_ID_LEN {
        return refuse("is over 128 bytes long");
    }
    // Most ids are visible ASCII, for which this is all; without a branch for each byte.
    let is_plain = value.as_bytes().iter().fold(true, |plain, byte| plain & byte.is_ascii_graphic());
    let Ok(id) = std::str::from_utf8(value.as_bytes()) else { return refuse("is not UTF-8") };
    if is_plain && !id.is_empty() {
        return Ok(Some(id));
    }
    if id.is_empty() {
        return refuse("is empty: leave it out, or send the id");
    }
    if id.trim().len() != id.len() || id.chars().any(char::is_control) {
        return refuse("has spaces around the id, or control characters");
    }
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_read_or_the_request_is_invalid() {
        let name = HeaderName::from_static("x-org-id");
        let long = "a".repeat(129);
        let huge = "a".repeat(1024 * 1024);
        for (values, expected) in [
            (vec![], Ok(None)),
            (vec![&b"acme"[..]], Ok(Some("acme"))),
            (vec!["爱 7".as_bytes()], Ok(Some("爱 7"))),
            (vec![&long.as_bytes()[1..]], Ok(Some(&long[1..]))),
            (vec![b""], Err("is empty")),
            (vec![b"acme", b"acme"], Err("more than once")),
            (vec![b"", b""], Err("more than once")),
            (vec![long.as_bytes()], Err("over 128 bytes")),
            (vec![huge.as_bytes()], Err("over 128 bytes")),
            (vec![b"\xff\xfe"], Err("not UTF-8")),
            (vec![b" acme"], Err("spaces")),
            (vec![b"acme\t"], Err("spaces")),
            (vec![b"ac\tme"], Err("control")),
            (vec!["acme\u{a0}".as_bytes()], Err("spaces")),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(&name, HeaderValue::from_bytes(value).unwrap());
            }
            let [lines, Lines::None] = lines(&headers, [&name, &http::header::HOST]) else {
                panic!("no such header")
            };
            match (id(&name, lines), expected) {
                (Ok(id), Ok(expected)) => assert_eq!(id, expected),
                (Err(error), Err(expected)) => {
                    assert_eq!(error.status().as_u16(), 400);
                    let detail = error.detail().unwrap();
                    assert!(
                        detail.starts_with("the `x-org-id` header") && detail.contains(expected),
                        "{detail}"
                    );
                }
                (found, expected) => panic!("{found:?}, expected {expected:?}"),
            }
        }
    }
}
