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
