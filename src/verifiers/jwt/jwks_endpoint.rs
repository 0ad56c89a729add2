//! Fetch a key set from its URL, or from where its issuer says that it is.

use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use url::Url;

use super::algorithm::Algorithm;
use super::discovery::Discovery;
use super::key_set::KeySet;
use crate::ports::observer::{CallOutcome, Watch};
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::call_meter::CallMeter;
use crate::upstream::http_client::{self, Unread};

/// For a whole fetch, from the connection to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 1024 * 1024;

/// Where the key set is published, and which of its keys are used.
pub(super) struct JwksEndpoint {
    pub(super) http: reqwest::Client,
    pub(super) location: Location,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) watch: Watch,
}

pub(super) enum Location {
    /// The URL of the key set.
    Fixed(Url),
    Issuer(Discovery),
}

/// Why a document could not be fetched.
enum Failed {
    NotFound(AuthError),
    Other(AuthError),
}

impl From<Failed> for AuthError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotFound(error) | Failed::Other(error) => error,
        }
    }
}

impl JwksEndpoint {
    pub(super) async fn fetch(&self) -> Result<KeySet, AuthError> {
        let meter = CallMeter::new(&self.watch, "key set");
        meter.sends();
        let fetched = match tokio::time::timeout(TIMEOUT, self.key_set()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(self.unavailable("request timed out after 5 s")),
        };
        let outcome = if fetched.is_ok() { CallOutcome::Answered } else { CallOutcome::Failed };
        meter.ended(outcome, None, None);
        if let (Err(_), Location::Issuer(discovery)) = (&fetched, &self.location) {
            discovery.forget();
        }
        fetched
    }

    async fn key_set(&self) -> Result<KeySet, AuthError> {
        let url = match &self.location {
            Location::Fixed(url) => url.clone(),
            Location::Issuer(discovery) => match discovery.known() {
                Some(url) => url,
                None => self.discover(discovery).await?,
            },
        };
        let body = self.get(&url).await?;
        KeySet::parse(&body, self.algorithms.as_deref()).map_err(|reason| unavailable(&url, &reason))
    }

    async fn discover(&self, discovery: &Discovery) -> Result<Url, AuthError> {
        let mut missing = None;
        for document in discovery.documents() {
            match self.get(&document).await {
                Ok(body) => {
                    let url = discovery.read(&body).map_err(|reason| unavailable(&document, &reason))?;
                    discovery.keep(url.clone());
                    return Ok(url);
                }
                Err(Failed::NotFound(error)) => missing = missing.or(Some(error)),
                Err(Failed::Other(error)) => return Err(error),
            }
        }
        Err(missing.unwrap_or_else(|| self.unavailable("it has no URL")))
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, Failed> {
        let unavailable = |reason: &str| Failed::Other(unavailable(url, reason));
        let failed = |reason: &str, error: reqwest::Error| {
            Failed::Other(self::unavailable(url, reason).with_source(error.without_url()))
        };
        let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
        let request = self.http.get(url.clone()).header(ACCEPT, accept);
        let response = request.send().await.map_err(|error| failed("request failed", error))?;
        if response.url() != url {
            // Only an HTTP client that the caller brought follows redirects.
            return Err(unavailable(
                "response came by a redirect; build the HTTP client with `redirect(Policy::none())`",
            ));
        }
        let status = response.status();
        if status.is_redirection() {
            return Err(unavailable(&format!(
                "the response is a redirect, {status}, and none is followed: configure the URL that it leads to"
            )));
        }
        if !status.is_success() {
            let error =
                self::unavailable(url, &format!("expected a success status, got {status}; check the URL"));
            return Err(if status == StatusCode::NOT_FOUND {
                Failed::NotFound(error)
            } else {
                Failed::Other(error)
            });
        }
        http_client::read(response, MAX_BODY).await.map_err(|unread| match unread {
            Unread::TooLarge => unavailable("response body is over 1 MiB"),
            Unread::Broken(error) => failed("connection broke while reading the response", error),
        })
    }

    /// Returns where the keys come from: the URL without its query, which may hold a secret.
    pub(super) fn address(&self) -> String {
        match &self.location {
            Location::Fixed(url) => address(url),
            Location::Issuer(discovery) => discovery.documents().first().map(address).unwrap_or_default(),
        }
    }

    pub(super) fn unavailable(&self, reason: &str) -> AuthError {
        about(&self.address(), reason)
    }
}

fn address(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn unavailable(url: &Url, reason: &str) -> AuthError {
    about(&address(url), reason)
}

fn about(address: &str, reason: &str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(format!("key set at {address}: {reason}"))
}
