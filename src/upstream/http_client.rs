//! Build the HTTP client for every call of this crate, and read response bodies within bounds.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use url::Url;

use crate::types::error::BuildError;
use crate::upstream::http_url::{self, NoUrl};

/// Shorter than the keep-alive of common servers (uvicorn: 5 s): a call on a connection that the server is closing has to
/// be retried.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Builds a client that connects to the given URL only: no redirects, and no proxy from the environment.
pub(crate) fn new(tls: bool, connect_timeout: Duration) -> Result<reqwest::Client, BuildError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(tls)?)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
        .map_err(|error| BuildError::new("cannot build the HTTP client").with_source(error))
}

/// Parses the URL of an endpoint: `https://`, or `http://` on this machine or where `plain_http` allows it. `danger` is what
/// an attacker on the network could do.
pub(crate) fn checked_url(what: &str, url: &str, plain_http: bool, danger: &str) -> Result<Url, BuildError> {
    let invalid = |reason: &str| BuildError::new(format!("invalid {what}: {reason}"));
    let url = http_url::parse(url).map_err(|no_url| match no_url {
        NoUrl::Unreadable(error) => invalid("cannot parse it").with_source(error),
        NoUrl::NoScheme => invalid("cannot parse it, for it has no scheme: it must start with https://"),
        NoUrl::NotHttp => invalid("it must start with https:// and name a host"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it must not contain a user name or password"));
    }
    if url.scheme() == "http" && !is_near(&url) && !plain_http {
        return Err(invalid(&format!("it is not https://, and {danger} (see `insecure_plain_http`)")));
    }
    Ok(url)
}

/// Why a body could not be read.
pub(crate) enum Unread {
    TooLarge,
    Broken(reqwest::Error),
}

/// Reads a response body of at most `max` bytes.
pub(crate) async fn read(mut response: reqwest::Response, max: usize) -> Result<Vec<u8>, Unread> {
    if response.content_length().is_some_and(|length| length > max as u64) {
        return Err(Unread::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if body.len() + chunk.len() > max {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns whether the host is this machine, so that plain http is acceptable.
pub(crate) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Builds the TLS configuration for reqwest, so that the process's default crypto provider is neither needed nor set.
fn tls_config(tls: bool) -> Result<ClientConfig, BuildError> {
    let failed = |error| BuildError::new("cannot set up TLS").with_source(error);
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    if tls {
        let roots = "cannot set up TLS: are root certificates installed (Debian's package ca-certificates)?";
        let verified = builder.with_platform_verifier();
        Ok(verified.map_err(|error| BuildError::new(roots).with_source(error))?.with_no_client_auth())
    } else {
        // Plain http must work on a machine without root certificates.
        Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }
}
