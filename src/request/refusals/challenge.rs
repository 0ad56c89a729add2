//! The challenge of a refusal, `WWW-Authenticate`.

use std::fmt::Write;
use std::sync::Arc;

use http::Uri;
use http::header::HeaderValue;

use crate::types::error::{AuthError, ErrorKind};

/// The parameters that stand in every challenge of a layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChallengeParameters {
    realm: Option<Arc<str>>,
    resource_metadata: Option<Arc<str>>,
}

impl ChallengeParameters {
    /// Sets the realm. Panics if it cannot stand in a quoted string (RFC 9110 section 5.6.4).
    #[track_caller]
    pub(crate) fn set_realm(&mut self, realm: &str) {
        let stands = |byte| byte == b' ' || u8::is_ascii_graphic(&byte);
        assert!(
            !realm.is_empty() && realm.bytes().all(stands),
            "the realm {realm:?} cannot stand in a header: write it in visible ASCII characters and spaces"
        );
        self.realm = Some(realm.replace('\\', r"\\").replace('"', r#"\""#).into());
    }

    /// Sets the URL of the metadata. Panics if it is none.
    #[track_caller]
    pub(crate) fn set_resource_metadata(&mut self, url: &str) {
        let uri = url.parse::<Uri>().ok().filter(|_| !url.contains(['"', '\\']) && url.is_ascii());
        let is_absolute = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("https" | "http"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        assert!(
            is_absolute,
            "the URL of the resource metadata {url:?} is not absolute: write it as clients can fetch it, such as \
             https://mcp.example.com/.well-known/oauth-protected-resource"
        );
        self.resource_metadata = Some(url.into());
    }

    /// Returns the challenge of this error, if it has one.
    pub(crate) fn of(&self, error: &AuthError) -> Option<HeaderValue> {
        let bare = challenge(error)?;
        if self.realm.is_none() && self.resource_metadata.is_none() {
            return Some(bare);
        }
        let mut text = SCHEME.to_owned();
        let own = [("realm", &self.realm), ("resource_metadata", &self.resource_metadata)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        for (at, (name, value)) in own.enumerate() {
            let separator = if at == 0 { "" } else { "," };
            let _ = write!(text, r#"{separator} {name}="{value}""#);
        }
        match bare.to_str().ok().and_then(|bare| bare.strip_prefix(SCHEME)) {
            None | Some("") => {}
            Some(parameters) => text = format!("{text},{parameters}"),
        }
        HeaderValue::try_from(text).ok().or(Some(bare))
    }
}

const SCHEME: &str = "Bearer";

/// RFC 6750 section 3: no error code when no credential was sent, and no challenge when the caller is not at fault.
fn challenge(error: &AuthError) -> Option<HeaderValue> {
    match error.kind() {
        ErrorKind::MissingCredential => Some(HeaderValue::from_static(SCHEME)),
        ErrorKind::InvalidCredential => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
        // Section 3 has this very example.
        ErrorKind::Expired => Some(HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="The access token expired""#,
        )),
        ErrorKind::MissingPermission => {
            let scoped = error.needed().filter(|needed| is_scope(needed)).and_then(|needed| {
                HeaderValue::try_from(format!(r#"Bearer error="insufficient_scope", scope="{needed}""#)).ok()
            });
            Some(scoped.unwrap_or(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#)))
        }
        _ => None,
    }
}

/// RFC 6749 section 3.3: one scope token. Combinations are no scope tokens, and are left out.
fn is_scope(needed: &str) -> bool {
    !needed.is_empty() && needed.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E) && b != b'(')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parameters: &ChallengeParameters, error: &AuthError) -> Option<String> {
        parameters.of(error).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn challenges() {
        for (error, expected) in [
            (AuthError::new(ErrorKind::MissingCredential), Some("Bearer")),
            (AuthError::new(ErrorKind::InvalidCredential), Some(r#"Bearer error="invalid_token""#)),
            (
                AuthError::new(ErrorKind::Expired),
                Some(r#"Bearer error="invalid_token", error_description="The access token expired""#),
            ),
            (AuthError::invalid_access_key(), Some(r#"Bearer error="invalid_token""#)),
            (AuthError::missing_permission("a:b"), Some(r#"Bearer error="insufficient_scope", scope="a:b""#)),
            (AuthError::missing_permission("(a and b)"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::missing_permission("a\"b"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::missing_permission("报表"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::new(ErrorKind::Denied), None),
            (AuthError::new(ErrorKind::Unavailable), None),
            (AuthError::new(ErrorKind::Internal), None),
        ] {
            assert_eq!(text(&ChallengeParameters::default(), &error).as_deref(), expected, "{error:?}");
        }
    }

    #[test]
    fn parameters_stand_in_every_challenge() {
        let url = "https://mcp.example.com/.well-known/oauth-protected-resource";
        let set = |realm: Option<&str>, metadata: Option<&str>| {
            let mut parameters = ChallengeParameters::default();
            realm.into_iter().for_each(|realm| parameters.set_realm(realm));
            metadata.into_iter().for_each(|url| parameters.set_resource_metadata(url));
            parameters
        };
        let (missing, scoped) =
            (AuthError::new(ErrorKind::MissingCredential), AuthError::missing_permission("a:b"));
        for (parameters, error, expected) in [
            (set(Some("app"), None), &missing, Some(r#"Bearer realm="app""#.to_owned())),
            (set(Some(r#"a "b" \c"#), None), &missing, Some(r#"Bearer realm="a \"b\" \\c""#.to_owned())),
            (set(None, Some(url)), &missing, Some(format!(r#"Bearer resource_metadata="{url}""#))),
            (
                set(Some("app"), Some(url)),
                &scoped,
                Some(format!(
                    r#"Bearer realm="app", resource_metadata="{url}", error="insufficient_scope", scope="a:b""#
                )),
            ),
            (set(Some("app"), Some(url)), &ErrorKind::Denied.into(), None),
            (set(Some("app"), Some(url)), &ErrorKind::Unavailable.into(), None),
        ] {
            assert_eq!(text(&parameters, error), expected, "{error:?}");
        }
    }

    #[test]
    fn parameters_that_cannot_stand_there_panic() {
        let panics = |set: &dyn Fn(&mut ChallengeParameters)| {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                set(&mut ChallengeParameters::default());
            }));
            panicked
                .err()
                .and_then(|panic| panic.downcast::<String>().ok())
                .map_or(String::new(), |text| *text)
        };
        for realm in ["", "a\nb", "a\0", "报表", "\u{7f}"] {
            assert!(panics(&|set| set.set_realm(realm)).contains("visible ASCII"), "{realm:?}");
        }
        for url in [
            "",
            "/.well-known/x",
            "mcp.example.com",
            "ftp://a/b",
            "https://",
            "https://a/\"b",
            "https://a/报",
            "https://a /",
        ] {
            assert!(panics(&|set| set.set_resource_metadata(url)).contains("is not absolute"), "{url:?}");
        }
    }
}
