//! Fetch a key set from its URL.

use std::time::Duration;

use http::header::{ACCEPT, HeaderValue};
use url::Url;

use super::algorithm::Algorithm;
use super::key_set::KeySet;
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::http_client::{self, Unread};

/// For a whole fetch, from the connection to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 1024 * 1024;

/// Where the key set is published, and which of its keys are used.
pub(super) struct JwksEndpoint {
    pub(super) http: reqwest::Client,
    pub(super) url: Url,
    pub(super) algorithms: Option<Vec<Algorithm>>,
}

impl JwksEndpoint {
    pub(super) async fn fetch(&self) -> Result<KeySet, AuthError> {
        match tokio::time::timeout(TIMEOUT, self.get()).await {
            Ok(keys) => keys,
            Err(_) => Err(self.unavailable("request timed out after 5 s")),
        }
    }

    async fn get(&self) -> Result<KeySet, AuthError> {
        let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
        let request = self.http.get(self.url.clone()).header(ACCEPT, accept);
        let response = request.send().await.map_err(|error| self.failed("request failed", error))?;
        if response.url() != &self.url {
            // Only an HTTP client that the caller brought follows redirects.
            return Err(self.unavailable(
                "response came by a redirect; build the HTTP client with `redirect(Policy::none())`",
            ));
        }
        let status = response.status();
        if !status.is_success() {
            return Err(self.unavailable(&format!("expected a success status, got {status}; check the URL")));
        }
        let body = http_client::read(response, MAX_BODY).await.map_err(|unread| match unread {
            Unread::TooLarge => self.unavailable("response body is over 1 MiB"),
            Unread::Broken(error) => self.failed("connection broke while reading the response", error),
        })?;
        KeySet::parse(&body, self.algorithms.as_deref()).map_err(|reason| self.unavailable(reason))
    }

    /// Returns the URL without its query, which may hold a secret.
    pub(super) fn address(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    fn unavailable(&self, reason: &str) -> AuthError {
        let address = self.address();
        AuthError::new(ErrorKind::Unavailable).with_detail(format!("key set at {address}: {reason}"))
    }

    fn failed(&self, reason: &str, error: reqwest::Error) -> AuthError {
        self.unavailable(reason).with_source(error.without_url())
    }
}
