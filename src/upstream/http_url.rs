//! Parse the URLs that people write into settings.

use url::Url;

/// Why a text is no URL that calls can be made to. Its text goes on from a name: "the base URL …".
#[derive(Debug)]
pub(crate) enum NoUrl {
    /// The host alone, as browsers show it.
    NoScheme,
    NotHttp,
    Unreadable(url::ParseError),
}

impl NoUrl {
    pub(crate) const fn why(&self) -> &'static str {
        match self {
            Self::NoScheme => "has no scheme: it must start with https:// or http://",
            Self::NotHttp => "must start with https:// or http:// and name a host",
            Self::Unreadable(_) => "is not a URL",
        }
    }
}

/// Parses an `http` or `https` URL.
pub(crate) fn parse(text: &str) -> Result<Url, NoUrl> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // `localhost:8000` is a URL, whose scheme is `localhost`.
        Ok(_) if !text.contains("://") && names_port(text) => Err(NoUrl::NoScheme),
        Ok(_) => Err(NoUrl::NotHttp),
        Err(url::ParseError::RelativeUrlWithoutBase) if starts_with_host(text) => Err(NoUrl::NoScheme),
        Err(error) => Err(NoUrl::Unreadable(error)),
    }
}

/// Whether what follows the first colon may be a port.
fn names_port(text: &str) -> bool {
    let after = text.split_once(':').map_or("", |(_, after)| after);
    after.starts_with(|first: char| first.is_ascii_digit())
}

fn starts_with_host(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_scheme_is_said() {
        for (text, expected) in [
            ("https://auth.example.com/aigc-auth", None),
            ("HTTP://127.0.0.1:8000", None),
            ("auth.example.com", Some("has no scheme: it must start with https:// or http://")),
            ("auth.example.com/aigc-auth", Some("has no scheme: it must start with https:// or http://")),
            (
                "auth.example.com:8443/aigc-auth",
                Some("has no scheme: it must start with https:// or http://"),
            ),
            ("localhost:8000", Some("has no scheme: it must start with https:// or http://")),
            ("127.0.0.1:8000", Some("has no scheme: it must start with https:// or http://")),
            ("ftp://auth.example.com", Some("must start with https:// or http:// and name a host")),
            ("mailto:someone@example.com", Some("must start with https:// or http:// and name a host")),
            ("https://", Some("is not a URL")),
            ("/aigc-auth", Some("is not a URL")),
            ("\"https://auth.example.com\"", Some("is not a URL")),
            ("", Some("is not a URL")),
        ] {
            assert_eq!(parse(text).err().map(|no_url| no_url.why()), expected, "{text}");
        }
    }
}
