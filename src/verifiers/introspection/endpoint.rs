//! Ask the endpoint (RFC 7662 section 2.1), within bounds.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::{Url, form_urlencoded};

use crate::ports::observer::{CallOutcome, Watch};
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::types::secret::Secret;
use crate::upstream::api_client::retry_after;
use crate::upstream::call_meter::CallMeter;
use crate::upstream::http_client::{self, Unread};

const MAX_BODY: usize = 1024 * 1024;

pub(super) struct Endpoint {
    pub(super) http: reqwest::Client,
    pub(super) url: Url,
    /// Marked as sensitive.
    pub(super) authorization: HeaderValue,
    /// For a whole call, the second attempt included.
    pub(super) timeout: Duration,
}

/// Encodes the client's credentials for HTTP Basic: each of them as a form first (RFC 6749 section 2.3.1).
pub(super) fn authorization(client_id: &str, secret: &Secret) -> Result<HeaderValue, BuildError> {
    // A space may be `+` in a form, and `%20`. Servers that decode it as a URL, such as those on Authlib, take `+` for itself.
    let form =
        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let credentials = STANDARD.encode(format!("{}:{}", form(client_id), form(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
        .map_err(|_| BuildError::new("the client's id and secret do not fit a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Endpoint {
    /// Returns the body of the answer about a token.
    pub(super) async fn ask(&self, token: &BearerToken, watch: &Watch) -> Result<Vec<u8>, AuthError> {
        let meter = CallMeter::new(watch, "introspection");
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token.as_str())
            .append_pair("token_type_hint", "access_token")
            .finish();
        let body = bytes::Bytes::from(body);
        let asking = async {
            meter.sends();
            match self.attempt(body.clone()).await {
                // It changes nothing there: a connection that was closed while it was idle costs no user a 503.
                Err(Failed::Broken(_)) => {
                    meter.sends();
                    self.attempt(body).await
                }
                first => first,
            }
        };
        let asked = tokio::time::timeout(self.timeout, asking).await;
        let outcome = match &asked {
            Ok(Ok(_)) => CallOutcome::Answered,
            Ok(Err(Failed::Other(_))) => CallOutcome::Failed,
            Ok(Err(Failed::Broken(_))) | Err(_) => CallOutcome::Unreachable,
        };
        meter.ended(outcome, None, None);
        match asked {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Failed::Broken(error) | Failed::Other(error))) => Err(error),
            Err(_) => Err(self.unavailable("no answer in time")),
        }
    }

    async fn attempt(&self, body: bytes::Bytes) -> Result<Vec<u8>, Failed> {
        let request = self
            .http
            .post(self.url.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(body);
        let response = request.send().await.map_err(|error| {
            let reason = if error.is_connect() { "cannot connect" } else { "the connection broke" };
            let is_slow = error.is_timeout();
            let error = self.unavailable(reason).with_source(error.without_url());
            if is_slow { Failed::Other(error) } else { Failed::Broken(error) }
        })?;
        if response.url() != &self.url {
            // Only an HTTP client that the service supplied follows redirects.
            let reason =
                "the answer came by a redirect; build the HTTP client with `redirect(Policy::none())`";
            return Err(self.unavailable(reason).into());
        }
        self.check(&response)?;
        http_client::read(response, MAX_BODY).await.map_err(|unread| {
            match unread {
                Unread::TooLarge => self.unavailable("the answer is over 1 MiB"),
                Unread::Broken(error) => self
                    .unavailable("the connection broke within the answer")
                    .with_source(error.without_url()),
            }
            .of_this_credential()
            .into()
        })
    }

    /// Accepts the status 200 alone (RFC 7662 section 2.2).
    fn check(&self, response: &reqwest::Response) -> Result<(), Failed> {
        let status = response.status();
        let reason = match status {
            StatusCode::OK => return Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "it rejected this service; check the client's id and secret, and whether it may introspect"
            }
            StatusCode::TOO_MANY_REQUESTS => "it has rate limited this service",
            _ if status.is_redirection() => "redirects are not followed; check the URL",
            _ => "expected the status 200; check the URL",
        };
        let mut error = self.unavailable(&format!("{reason} ({status})"));
        if let Some(after) = retry_after(response.headers()) {
            error = error.with_retry_after(after);
        }
        Err(match status {
            // It is away, or says so of all calls.
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => error,
            StatusCode::TOO_MANY_REQUESTS => error,
            _ => error.of_this_credential(),
        }
        .into())
    }

    fn unavailable(&self, reason: &str) -> AuthError {
        // Without the query, which may hold a secret.
        let address = format!("{}{}", self.url.origin().ascii_serialization(), self.url.path());
        AuthError::new(ErrorKind::Unavailable).with_detail(format!("introspection at {address}: {reason}"))
    }
}

/// Why there is no answer.
enum Failed {
    /// No connection, or one that broke before an answer.
    Broken(AuthError),
    Other(AuthError),
}

impl From<AuthError> for Failed {
    fn from(error: AuthError) -> Self {
        Self::Other(error)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_credentials_are_forms_before_they_are_basic() {
        for (id, secret, expected) in [
            ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", "s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw"),
            ("a:b", "c d+e%f", "a%3Ab:c%20d%2Be%25f"),
            ("ü", "秘密", "%C3%BC:%E7%A7%98%E5%AF%86"),
        ] {
            let header = authorization(id, &Secret::new(secret)).unwrap();
            assert!(header.is_sensitive(), "{id}");
            let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
            assert_eq!(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap(), expected);
        }
    }
}
