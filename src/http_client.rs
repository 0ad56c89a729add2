//! The HTTP client of every call that this crate makes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::BuildError;

/// Idle connections are closed before common servers do it (uvicorn after 5 s): a call on a connection that is being
/// closed has to be made twice.
const IDLE: Duration = Duration::from_secs(4);

/// A client that goes where it is told and nowhere else: no redirects, and no proxy that the environment names.
pub(crate) fn new(tls: bool, connect_timeout: Duration) -> Result<reqwest::Client, BuildError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(tls)?)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| BuildError::new("cannot build the HTTP client").with_source(error))
}

/// Why a body could not be read.
pub(crate) enum Unread {
    TooLarge,
    Broken(reqwest::Error),
}

/// The whole body of an answer, unless it is longer than so many bytes.
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

/// Whether the way to this host never leaves the machine, so that plain http is as good as TLS.
pub(crate) fn is_near(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Given to reqwest ready-made, so that the process's default crypto provider is neither needed nor set.
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
        // A machine without root certificates can still speak plain http.
        Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }
}
