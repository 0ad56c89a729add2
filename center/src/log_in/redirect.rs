//! Where a log-in may lead, and how it gets there.

use axum::http::HeaderValue;

/// Rejects a redirect URI that an app must not register.
///
/// # Errors
/// What is expected, and what was found.
pub(crate) fn check_redirect_uri(uri: &str) -> Result<(), String> {
    let wrong = |what: &str| {
        Err(format!(
            "expected a redirect URI such as `http://127.0.0.1:3000/callback`, found {what}: `{uri}`"
        ))
    };
    if !uri.starts_with("http://") && !uri.starts_with("https://") {
        return wrong("another scheme");
    }
    if uri.contains('#') {
        return wrong("a fragment");
    }
    if origin(uri).is_none()
        || HeaderValue::from_str(uri).is_err()
        || uri.contains(|c: char| c.is_whitespace() || "\"';,".contains(c))
    {
        return wrong("no URL");
    }
    let authority =
        uri.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if authority.contains(['@', '*', '\\']) {
        return wrong("a name or a pattern in its host");
    }
    // After an IPv6 address, which has colons of its own.
    let port = authority.rsplit(']').next().and_then(|rest| rest.split_once(':'));
    if port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        return wrong("no port");
    }
    Ok(())
}

/// Returns the scheme and the authority of a URL.
pub(super) fn origin(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |end| authority + end);
    (end > authority).then(|| &url[..end])
}

/// Returns a registered URI with further parameters.
pub(super) fn with_parameters(uri: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    match (query.is_empty(), uri.contains('?')) {
        (true, _) => uri.to_owned(),
        (false, true) => format!("{uri}&{query}"),
        (false, false) => format!("{uri}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_urls_of_pages() {
        for (uri, is_good) in [
            ("http://127.0.0.1:3000/callback", true),
            ("https://app.example.com/?x=1", true),
            ("http://localhost:5173", true),
            ("javascript:alert(1)", false),
            ("/callback", false),
            ("http://", false),
            ("http:///x", false),
            ("http://a/#x", false),
            ("http://a/ b", false),
            ("http://a;form-action *", false),
            ("http://a/\r\nx: y", false),
            ("http://[::1]:3000/callback", true),
            ("http://user:pass@a/", false),
            ("http://*/", false),
            ("http://a:70000/", false),
            ("http://a:x/", false),
        ] {
            assert_eq!(check_redirect_uri(uri).is_ok(), is_good, "{uri}");
        }
        assert_eq!(origin("http://localhost:5173"), Some("http://localhost:5173"));
        assert_eq!(origin("https://a.example/b?c"), Some("https://a.example"));
    }

    #[test]
    fn parameters_are_added_to_those_that_are_there() {
        let parameters = [("code", Some("a b&c")), ("state", None), ("iss", Some("http://x"))];
        for (uri, expected) in [
            ("http://a/b", "http://a/b?code=a+b%26c&iss=http%3A%2F%2Fx"),
            ("http://a/b?c=d", "http://a/b?c=d&code=a+b%26c&iss=http%3A%2F%2Fx"),
        ] {
            assert_eq!(with_parameters(uri, &parameters), expected);
        }
        assert_eq!(with_parameters("http://a/", &[("state", None)]), "http://a/");
    }
}
