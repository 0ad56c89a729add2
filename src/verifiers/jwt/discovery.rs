//! Find the key set of an issuer by its own metadata (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use url::Url;

use crate::types::claims::shown;
use crate::upstream::http_client::is_near;
use crate::util::clock::{Clock, Millis};

/// How long it is relied on where an issuer publishes its keys: an hour.
const TTL: Millis = 3_600_000;

pub(super) struct Discovery {
    /// As tokens have it in `iss`: a slash at the end counts.
    issuer: String,
    plain_http: bool,
    clock: Clock,
    found: Mutex<Option<(Url, Millis)>>,
}

/// What is read of the metadata.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    pub(super) fn new(issuer: String, plain_http: bool, clock: Clock) -> Self {
        Self { issuer, plain_http, clock, found: Mutex::new(None) }
    }

    /// Where the metadata may be: OpenID's place behind the issuer's path, and RFC 8414's before it.
    pub(super) fn documents(&self) -> Vec<Url> {
        let issuer = self.issuer.trim_end_matches('/');
        let openid = Url::parse(&format!("{issuer}/.well-known/openid-configuration"));
        let oauth = Url::parse(issuer).map(|mut url| {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
            url
        });
        [openid, oauth].into_iter().flatten().collect()
    }

    /// Reads where the keys are.
    pub(super) fn read(&self, document: &[u8]) -> Result<Url, String> {
        let Metadata { issuer, jwks_uri } = serde_json::from_slice(document).map_err(
            |_| "response is no issuer metadata: expected a JSON object with `issuer` and `jwks_uri`",
        )?;
        if issuer != self.issuer {
            // RFC 8414 section 3.3: another's keys must not be used for it.
            let slash = match issuer.trim_end_matches('/') == self.issuer.trim_end_matches('/') {
                true => "; they differ by a slash at the end, which counts",
                false => "",
            };
            return Err(format!(
                "it is of another issuer, {}, not {}{slash}",
                shown(&issuer),
                shown(&self.issuer)
            ));
        }
        let url =
            Url::parse(&jwks_uri).map_err(|_| format!("its `jwks_uri` is no URL: {}", shown(&jwks_uri)))?;
        match url.scheme() {
            "https" => {}
            "http" if is_near(&url) || self.plain_http => {}
            _ => {
                let host = url.host_str().unwrap_or_default();
                return Err(format!(
                    "its `jwks_uri` is not https:// (host {}), and an attacker on the network could inject keys (see \
                     `insecure_plain_http`)",
                    shown(host)
                ));
            }
        }
        Ok(url)
    }

    pub(super) fn keep(&self, url: Url) {
        *self.found() = Some((url, self.clock.now()));
    }

    /// After a failure: keys may have moved.
    pub(super) fn forget(&self) {
        *self.found() = None;
    }

    /// Returns where the keys are, if that was found out within the hour.
    pub(super) fn known(&self) -> Option<Url> {
        let found = self.found();
        found
            .as_ref()
            .filter(|(_, at)| self.clock.now().saturating_sub(*at) < TTL)
            .map(|(url, _)| url.clone())
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Option<(Url, Millis)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_taken_over_https_or_from_this_machine() {
        for (jwks_uri, plain_http, is_taken) in [
            ("https://keys.example/jwks", false, true),
            ("https://keys.example/jwks", true, true),
            ("http://keys.example/jwks", false, false),
            ("http://keys.example/jwks", true, true),
            ("http://127.0.0.1:8080/jwks", false, true),
            ("http://[::1]/jwks", false, true),
            ("http://localhost/jwks", false, true),
            ("http://localhost.example/jwks", false, false),
            ("file:///jwks", true, false),
            ("ftp://127.0.0.1/jwks", true, false),
        ] {
            let discovery = Discovery::new("https://login.example".to_owned(), plain_http, Clock::held());
            let document = json!({"issuer": "https://login.example", "jwks_uri": jwks_uri}).to_string();
            match discovery.read(document.as_bytes()) {
                Ok(url) => assert!(is_taken && url.as_str() == jwks_uri, "{url}"),
                Err(error) => assert!(!is_taken && error.contains("is not https://"), "{jwks_uri}: {error}"),
            }
        }
    }
}
