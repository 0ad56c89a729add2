//! Read and write the two cookies: of a browser's session, and of a log-in page.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The kinds of cookies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cookie {
    Session,
    Page,
}

impl Cookie {
    /// Cookies are those of a host, whatever the port, and so the issuer's port is in the name.
    fn name(self, issuer: &str) -> String {
        let kind = match self {
            Self::Session => "session",
            Self::Page => "page",
        };
        let port = issuer.rsplit(':').next().filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        format!("aigc_center_{kind}_{}", port.unwrap_or("default"))
    }

    pub(super) fn read(self, headers: &HeaderMap, issuer: &str) -> Option<String> {
        let name = self.name(issuer);
        let fields = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        fields.flat_map(|field| field.split(';')).find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.to_owned())
        })
    }

    /// Returns the value of `Set-Cookie`. `Lax`: apps on other sites lead here by a link.
    pub(super) fn write(self, value: &str, seconds: u64, issuer: &str) -> String {
        let secure = if issuer.starts_with("https:") { "; Secure" } else { "" };
        let name = self.name(issuer);
        format!("{name}={value}; Path=/oauth; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }
}
