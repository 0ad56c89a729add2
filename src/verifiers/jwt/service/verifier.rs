use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::ports::observer::Observer;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::service::ServiceIdentity;
use crate::types::user::UserInfo;
use crate::verifiers::jwt::token::Token;
use crate::verifiers::jwt::verifier::JwtVerifier;

/// Verifies the tokens of services: JWTs for an audience of their own, with a subject such as `service:frontend`, signed by a
/// private key. Cheap to clone; clones share keys and cache.
///
/// Neither user tokens, which have another audience and another subject, nor symmetric algorithms are accepted.
/// `AuthLayer::tokens_only(verifier)` is for services alone, and [`WithServices`](super::WithServices) for users as well.
///
/// ```
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::service::{CurrentService, ServiceVerifier};
/// use aigc_auth::AuthLayer;
/// use axum::{Router, routing::get};
///
/// let keys = JwtVerifier::from_jwks("https://frontend.internal/.well-known/jwks.json");
/// let services = ServiceVerifier::builder(keys, "orders").build()?;
/// let app: Router = Router::new()
///     .route("/internal/whoami", get(|service: CurrentService| async move { service.name().to_owned() }))
///     .layer(AuthLayer::tokens_only(services));
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ServiceVerifier {
    pub(super) tokens: JwtVerifier,
    pub(super) rules: Arc<Rules>,
}

/// What the tokens of services have, and those of users have not.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) audience: String,
    pub(super) prefix: String,
}

impl ServiceVerifier {
    /// Verifies a token and returns its service.
    ///
    /// # Errors
    /// As [`JwtVerifier::user_info`]; [`InvalidCredential`](ErrorKind::InvalidCredential) for the token of a user.
    pub async fn service(&self, token: &str) -> Result<ServiceIdentity, AuthError> {
        let verified = self.tokens.user_info(token).await?;
        ServiceIdentity::of(&verified).ok_or_else(|| {
            AuthError::new(ErrorKind::Internal).with_detail("the verifier of services has verified a user")
        })
    }

    /// Fetches the key sets now: see [`JwtVerifier::fetch_keys`].
    ///
    /// # Errors
    /// As [`JwtVerifier::fetch_keys`].
    pub async fn fetch_keys(&self) -> Result<(), AuthError> {
        self.tokens.fetch_keys().await
    }

    /// Whether a token calls itself a service's, by its subject or its audience. Nobody has verified it.
    pub(super) fn is_for(&self, token: &BearerToken) -> bool {
        let Rules { audience, prefix } = &*self.rules;
        let Some(claims) = Token::unverified_claims(token.as_bytes(), &[audience, prefix]) else {
            return false;
        };
        let is_ours = |claim: &Value| claim.as_str() == Some(audience);
        let has_audience = claims.get("aud").is_some_and(|audience| match audience {
            Value::Array(audiences) => audiences.iter().any(is_ours),
            one => is_ours(one),
        });
        has_audience
            || claims.get("sub").and_then(Value::as_str).is_some_and(|sub| self.rules.is_subject(sub))
    }
}

impl Rules {
    pub(super) fn is_subject(&self, subject: &str) -> bool {
        subject.starts_with(&self.prefix)
    }
}

impl Verify<BearerToken> for ServiceVerifier {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        self.tokens.try_verify(token)
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.tokens.verify(token).await
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Verify::<BearerToken>::observer(&self.tokens)
    }
}

/// Rejects all access keys: they are users' and apps'.
impl Verify<AccessKey> for ServiceVerifier {
    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.tokens.verify(key).await
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        Verify::<BearerToken>::observer(&self.tokens)
    }
}

impl fmt::Debug for ServiceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceVerifier").field("rules", &self.rules).field("tokens", &self.tokens).finish()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// However JSON spells it: a service's token that passed for a user's would be shown to the verifier of users.
    #[test]
    fn token_is_a_services_in_every_spelling() {
        let verifier = |audience: &str| {
            let keys = JwtVerifier::from_jwks("https://issuer.example.com/jwks.json");
            ServiceVerifier::builder(keys, audience).build().unwrap()
        };
        let plain = verifier("orders");
        for (payload, is_for) in [
            (r#"{"aud":"orders","sub":"alice"}"#, true),
            (r#"{"aud":["x","orders"]}"#, true),
            (r#"{"aud":"\u006frders"}"#, true),
            (r#"{"aud":["x","o\u0072ders"]}"#, true),
            (r#"{"\u0061ud":"orders"}"#, true),
            (r#"{"sub":"service:a"}"#, true),
            (r#"{"sub":"\u0073ervice:a"}"#, true),
            (r#"{"sub":"service\u003aa"}"#, true),
            (r#"{"s\u0075b":"servic\u0065:"}"#, true),
            (r#"{"sub":"alice","aud":"authenticated"}"#, false),
            (r#"{"sub":"alice","note":"orders for service:a"}"#, false),
            (r#"{"sub":"alice","note":"\\u006frders"}"#, false),
            (r#"{"sub":"a-service:a","aud":"orders-2"}"#, false),
            (r#"{"sub":"Service:a","aud":"Orders"}"#, false),
            (r#"{"aud":7,"sub":["service:a"]}"#, false),
            // Of two, nobody can say which counts, and what is no object is nobody's.
            (r#"{"aud":"orders","aud":"x"}"#, false),
            (r#"{"aud":"orders""#, false),
            (r#""orders""#, false),
        ] {
            let segment = URL_SAFE_NO_PAD.encode(payload);
            for token in [format!("e30.{segment}.c2ln"), format!("e30.{segment}"), format!(".{segment}.a.b")]
            {
                assert_eq!(plain.is_for(&BearerToken::new(&token).unwrap()), is_for, "{payload} in {token}");
            }
        }
        let odd = verifier("a\"b\\c");
        let segment = URL_SAFE_NO_PAD.encode(r#"{"aud":"a\"b\\c"}"#);
        assert!(odd.is_for(&BearerToken::new(&format!("e30.{segment}.c2ln")).unwrap()));
        for token in ["orders", "e30", "e30.", "e30.orders.c2ln", "..", "service-a"] {
            assert!(!plain.is_for(&BearerToken::new(token).unwrap()), "{token}");
        }
    }
}
