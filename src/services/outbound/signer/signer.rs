use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::key::ServiceKey;
use super::key_ring::KeyRing;
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::util::clock::{Clock, Millis, millis};

/// Beside its tokens' life, so long is a key published that signs no more: as much as clocks may differ.
const KEPT: Duration = Duration::from_secs(60);

/// Signs the tokens by which this service calls others, and publishes their keys. Cheap to clone; clones share the keys.
///
/// ```
/// use aigc_auth::jwt::Algorithm;
/// use aigc_auth::service::{ServiceKey, ServiceSigner};
/// use axum::Router;
///
/// // In production `ServiceKey::from_pem`: every replica signs by one key.
/// let signer = ServiceSigner::builder("frontend", ServiceKey::generate(Algorithm::Es256)?).build()?;
/// // Others verify by `GET /.well-known/jwks.json`. Merged after the layer, it needs no credential.
/// let app: Router = Router::new().merge(signer.jwks_router());
/// let token = signer.sign("orders", &["orders:read"]).unwrap();
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ServiceSigner(Arc<Inner>);

struct Inner {
    settings: Settings,
    ring: RwLock<KeyRing>,
}

pub(super) struct Settings {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) issuer: Option<String>,
    pub(super) lifetime: Duration,
    pub(super) publish_ahead: Duration,
    pub(super) also_published: Vec<Value>,
    pub(super) clock: Clock,
}

/// A token, by which key it was signed, and for how long it is sent.
pub(super) struct Signed {
    pub(super) token: BearerToken,
    kid: String,
    issued_at: SystemTime,
}

impl ServiceSigner {
    pub(super) fn new(key: ServiceKey, settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, ring: RwLock::new(KeyRing::new(key)) }))
    }

    /// Signs a new token for this audience, with these scopes.
    ///
    /// # Errors
    /// If the system has no randomness for the signature.
    pub fn sign(&self, audience: &str, scopes: &[&str]) -> Result<BearerToken, AuthError> {
        Ok(self.signed(audience, &scopes.join(" "))?.token)
    }

    pub(super) fn signed(&self, audience: &str, scope: &str) -> Result<Signed, AuthError> {
        let settings = &self.0.settings;
        let today = settings.clock.today();
        // Rounded down, so that it is past for every verifier.
        let issued_at = today.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let lifetime = settings.lifetime.as_secs() + u64::from(settings.lifetime.subsec_nanos() > 0);
        let mut jti = [0; 16];
        rand::fill(&mut jti).map_err(|_| {
            AuthError::new(ErrorKind::Internal).with_detail("the system has no randomness for a `jti`")
        })?;
        let mut claims = json!({
            "sub": format!("{}{}", settings.prefix, settings.name),
            "aud": audience,
            "iat": issued_at,
            "exp": issued_at + lifetime,
            "jti": URL_SAFE_NO_PAD.encode(jti),
            "scope": scope,
        });
        if let Some(issuer) = &settings.issuer {
            claims["iss"] = issuer.as_str().into();
        }
        let key = self.current_key();
        let token = BearerToken::new(&key.sign(&claims)?)?;
        Ok(Signed { token, kid: key.kid().to_owned(), issued_at: today })
    }

    /// Whether a token may still be sent: in the first half of its life, and while its key is the one that signs.
    pub(super) fn is_fresh(&self, signed: &Signed) -> bool {
        let Settings { clock, lifetime, .. } = &self.0.settings;
        // Not fresh either if the date was set back.
        let age = clock.today().duration_since(signed.issued_at);
        age.is_ok_and(|age| age < *lifetime / 2) && self.current_key().kid() == signed.kid
    }

    /// Publishes this key now, signs by it after [`publish_ahead`](super::ServiceSignerBuilder::publish_ahead), and keeps the
    /// old one published until its tokens have ended. No call has to be made then: it is a matter of time.
    ///
    /// # Errors
    /// If the key is published already, or 8 keys are.
    pub fn rotate_to(&self, next: ServiceKey) -> Result<(), BuildError> {
        let kid = next.kid().to_owned();
        let ahead = self.0.settings.publish_ahead;
        let mut ring = self.0.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.rotate(next, self.now(), millis(ahead), self.kept())?;
        tracing::info!(%kid, signs_in_s = ahead.as_secs(), "key of the service published");
        Ok(())
    }

    /// The key set, as [`jwks_router`](Self::jwks_router) serves it.
    pub fn jwks(&self) -> Value {
        let ring = self.0.ring.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<_> = ring.published(self.now(), self.kept()).collect();
        for other in &self.0.settings.also_published {
            if !keys.iter().any(|key| key["kid"] == other["kid"]) {
                keys.push(other);
            }
        }
        json!({ "keys": keys })
    }

    /// For how many seconds the key set may be cached on its way: never for longer than a key is published before it signs.
    pub(super) fn max_age(&self) -> u64 {
        self.0.settings.publish_ahead.as_secs().min(300)
    }

    fn current_key(&self) -> ServiceKey {
        self.0.ring.read().unwrap_or_else(PoisonError::into_inner).current(self.now()).clone()
    }

    fn now(&self) -> Millis {
        self.0.settings.clock.now()
    }

    fn kept(&self) -> Millis {
        millis(self.0.settings.lifetime + KEPT)
    }
}

impl fmt::Debug for ServiceSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSigner")
            .field("name", &self.0.settings.name)
            .field("key", &self.current_key())
            .finish_non_exhaustive()
    }
}
