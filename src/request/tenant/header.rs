//! Read the ids that a request names.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::policy::{TenantPolicy, X_ORG_ID, X_TEAM_ID};
use crate::request::target_header::X_ACT_AS_USER_ID;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::tenant::ids::{MAX_ID_LEN, is_plain};

/// The lines of a header.
#[derive(Clone, Copy)]
pub(super) enum Lines<'a> {
    None,
    One(&'a HeaderValue),
    Several,
}

/// Whether a request has any of the headers that decide about its tenant. Most have none, and names alone are cheap to pass
/// over; most cheaply constants, of which the compiler knows that they are none of the names that `http` knows.
#[inline]
pub(super) fn has_any(headers: &HeaderMap, policy: &TenantPolicy) -> bool {
    if policy.has_default_headers {
        headers.keys().any(|name| *name == X_ACT_AS_USER_ID || *name == X_ORG_ID || *name == X_TEAM_ID)
    } else {
        let (org, team) = (&policy.org_header, &policy.team_header);
        headers.keys().any(|name| *name == X_ACT_AS_USER_ID || name == org || name == team)
    }
}

/// The headers that decide about the tenant of a request.
pub(super) struct Named<'a> {
    pub(super) act_as: Lines<'a>,
    pub(super) org: Lines<'a>,
    pub(super) team: Lines<'a>,
}

impl<'a> Named<'a> {
    /// Finds them in one pass: cheaper than a look-up of each.
    #[inline]
    pub(super) fn find(headers: &'a HeaderMap, policy: &TenantPolicy) -> Self {
        if policy.has_default_headers {
            Self::of_names(headers, &X_ORG_ID, &X_TEAM_ID)
        } else {
            Self::of_names(headers, &policy.org_header, &policy.team_header)
        }
    }

    #[inline(always)]
    fn of_names(headers: &'a HeaderMap, org: &HeaderName, team: &HeaderName) -> Self {
        let mut found = Self { act_as: Lines::None, org: Lines::None, team: Lines::None };
        for (name, value) in headers {
            if *name == X_ACT_AS_USER_ID {
                found.act_as.add(value);
            }
            if name == org {
                found.org.add(value);
            }
            if name == team {
                found.team.add(value);
            }
        }
        found
    }
}

impl<'a> Lines<'a> {
    #[inline(always)]
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::None => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
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
    let Ok(id) = std::str::from_utf8(value.as_bytes()) else { return refuse("is not UTF-8") };
    // For most ids, this is all.
    if is_plain(value.as_bytes()) {
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
            let mut lines = Lines::None;
            headers.values().for_each(|value| lines.add(value));
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
