//! Set where the credential of a request may stand, and how long it may be.

use std::sync::Arc;

use super::layer::AuthLayer;
use super::sources::CredentialSource;
use super::sources::search::Sources;
use crate::types::credential::MAX_LEN;

impl AuthLayer {
    /// Sets where in a request the credential may stand, in place of `Authorization` alone.
    ///
    /// For browsers, whose scripts cannot set headers on a WebSocket or an `EventSource`: [`CredentialSource`] has the
    /// places, and what each of them asks for. `docs/browsers.md` has examples.
    ///
    /// All sources are read. Two different credentials in one request are rejected with 401, wherever they stand; the same
    /// one may stand in several. A credential of any source is the request's: the context has it, and
    /// `OutboundClient` sends it on as `Authorization`.
    ///
    /// # Panics
    /// If there is no source, or one of them twice.
    #[track_caller]
    pub fn credentials_from(mut self, sources: impl IntoIterator<Item = CredentialSource>) -> Self {
        self.config_mut().sources = Sources::new(sources).map(Arc::new);
        self
    }

    /// Sets how long a credential may be, in bytes. Requests with a longer one are rejected with 431. Defaults to 8 KiB.
    ///
    /// Tokens grow with what an issuer writes into them, such as each group of a user. Proxies and servers bound the head
    /// of a request, too: nginx a line of it to 8 KiB, and hyper all of it to about 400 KiB.
    ///
    /// # Panics
    /// If it is 0 or over 64 KiB.
    #[track_caller]
    pub fn max_credential_len(mut self, bytes: usize) -> Self {
        assert!(
            (1..=MAX_LEN).contains(&bytes),
            "max_credential_len must be 1 to {MAX_LEN} bytes, not {bytes}"
        );
        self.config_mut().max_credential_len = bytes;
        self
    }
}
