//! Origins of URLs, by which trust is given.

use url::Url;

use crate::types::error::BuildError;
use crate::upstream::http_url::{self, NoUrl};

/// Scheme, host and port (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(url::Origin);

impl Origin {
    /// Parses a trusted origin, such as `https://api.internal` or `http://10.0.0.7:8080`.
    pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
        let fail = |why: &str| BuildError::new(format!("the origin `{}` {why}", host_and_port(text)));
        let url = http_url::parse(text).map_err(|no_url| match no_url {
            NoUrl::Unreadable(error) => fail(no_url.why()).with_source(error),
            _ => fail(no_url.why()),
        })?;
        if url.host_str().is_some_and(|host| host.contains('*')) {
            return Err(fail("must name one host: there are no patterns"));
        }
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return Err(fail("must be scheme, host and port only: trust is not given by path"));
        }
        Ok(Self::of(&url))
    }

    pub(super) fn of(url: &Url) -> Self {
        Self(url.origin())
    }

    /// `scheme://host`, with the port unless it is the scheme's default.
    pub(super) fn text(&self) -> String {
        self.0.ascii_serialization()
    }
}

/// What a text has of a host and a port: neither its user and password nor its path and query, which may hold secrets as well.
fn host_and_port(text: &str) -> &str {
    let text = text.rsplit('@').next().unwrap_or_default();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_scheme_host_and_port_only() {
        for (text, other, same) in [
            ("https://api.internal", "https://api.internal/a?b#c", true),
            ("https://api.internal/", "https://API.internal:443/", true),
            ("https://api.internal", "https://api.internal:444/", false),
            ("https://api.internal", "http://api.internal/", false),
            ("https://api.internal", "https://api.internal.evil.example/", false),
            ("https://api.internal", "https://evil.example/https://api.internal", false),
            ("https://api.internal", "https://api.internal@evil.example/", false),
            ("https://api.internal", "https://api.internal./", false),
            ("http://10.0.0.7:8080", "http://10.0.0.7:8080/x", true),
            ("http://[::1]:80", "http://[::1]/", true),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!(origin == Origin::of(&Url::parse(other).unwrap()), same, "{text} {other}");
        }
        for text in [
            "api.internal",
            "ftp://x",
            "https://",
            "https://x/path",
            "https://x?q",
            "https://u:hunter2@x",
            "https://u:hunter2@x/a?hunter2",
            "https://x/hunter2",
            "https://x?token=hunter2",
            "x#hunter2",
            "*",
            "https://*",
            "https://*.internal",
            "",
        ] {
            let error = Origin::parse(text).expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
