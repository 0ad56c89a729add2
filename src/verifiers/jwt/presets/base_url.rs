/// Reads where an issuer is, as configurations spell it: a host (`example.eu.auth0.com`) or a URL, with or without a slash at
/// the end. Returns a URL without one.
pub(super) fn base_url(text: &str) -> String {
    let text = text.trim_end_matches('/');
    if text.contains("://") { text.to_owned() } else { format!("https://{text}") }
}
