use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};

use super::signer::{ServiceSigner, Signed};
use crate::types::credential::BearerToken;
use crate::types::error::AuthError;

/// The token by which this service calls another: signed anew in time, and sent by
/// [`OutboundClientBuilder::service_token`](crate::outbound::OutboundClientBuilder::service_token). Clones share it.
///
/// ```
/// # use aigc_auth::jwt::Algorithm;
/// # use aigc_auth::service::{ServiceKey, ServiceSigner};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let signer = ServiceSigner::builder("frontend", ServiceKey::generate(Algorithm::EdDsa)?).build()?;
/// let orders = signer.for_audience("orders").scopes(["orders:read"]);
/// assert_eq!(orders.get()?.as_str(), orders.get()?.as_str());
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ServiceToken {
    signer: ServiceSigner,
    audience: String,
    scope: String,
    header: HeaderName,
    with_user: bool,
    signed: Arc<Mutex<Option<Signed>>>,
}

impl ServiceSigner {
    /// Returns the token for the service that calls itself this. Without scopes.
    pub fn for_audience(&self, audience: impl Into<String>) -> ServiceToken {
        ServiceToken {
            signer: self.clone(),
            audience: audience.into(),
            scope: String::new(),
            header: AUTHORIZATION,
            with_user: false,
            signed: Arc::default(),
        }
    }
}

impl ServiceToken {
    /// Sets the scopes. Defaults to none.
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<_> = scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect();
        self.scope = scopes.join(" ");
        self.signed = Arc::default();
        self
    }

    /// Sets the header that carries it, as `Bearer` and the token. Defaults to `Authorization`.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Sends the user's credential as well, in `Authorization`; then the token needs a [`header`](Self::header) of its own.
    /// Defaults to the service's token alone.
    pub fn with_user(mut self) -> Self {
        self.with_user = true;
        self
    }

    /// Returns a token that lives for half of its [`lifetime`](super::ServiceSignerBuilder::lifetime) yet, less a second at most:
    /// its dates are in whole seconds.
    ///
    /// # Errors
    /// As [`ServiceSigner::sign`].
    pub fn get(&self) -> Result<BearerToken, AuthError> {
        let mut slot = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = slot.as_ref().filter(|signed| self.signer.is_fresh(signed)) {
            return Ok(signed.token.clone());
        }
        let signed = self.signer.signed(&self.audience, &self.scope)?;
        Ok(slot.insert(signed).token.clone())
    }

    pub(crate) fn carries_user(&self) -> bool {
        self.with_user
    }

    /// Whether it stands where the user's credential does.
    pub(crate) fn is_in_authorization(&self) -> bool {
        self.header == AUTHORIZATION
    }

    /// The header of a call. `None`, and a line in the log, if no token can be signed.
    pub(crate) fn to_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let token = match self.get() {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(%error, audience = %self.audience, "call without the service's token");
                return None;
            }
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.as_str())).ok()?;
        value.set_sensitive(true);
        Some((self.header.clone(), value))
    }
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceToken")
            .field("signer", &self.signer)
            .field("audience", &self.audience)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
