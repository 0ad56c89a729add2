use std::sync::Arc;

use serde_json::{Map, Value};

use super::verifier::{Rules, ServiceVerifier};
use crate::types::claims::{scopes, shown};
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::types::service::ServiceIdentity;
use crate::types::user::UserInfo;
use crate::verifiers::jwt::algorithm::Algorithm;
use crate::verifiers::jwt::builder::JwtVerifierBuilder;
use crate::verifiers::jwt::key_source::KeySource;

/// Builds a [`ServiceVerifier`]. Made by [`ServiceVerifier::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ServiceVerifierBuilder {
    keys: JwtVerifierBuilder,
    audience: String,
    prefix: String,
}

impl ServiceVerifier {
    /// Starts a verifier of services' tokens, by the keys of this builder and for this audience: the name by which services call
    /// this one, such as `autogpt-platform-backend`.
    ///
    /// The builder's issuers, leeway, algorithms, required claims, cache and clock hold. The audience takes the place of its
    /// audiences, and the service's name and scopes that of its mapping of users, for its
    /// [added sources](JwtVerifierBuilder::also_accept) as well.
    ///
    /// ```
    /// use aigc_auth::jwt::JwtVerifier;
    /// use aigc_auth::service::ServiceVerifier;
    ///
    /// let keys = JwtVerifier::from_jwks("https://frontend.internal/.well-known/jwks.json");
    /// let services = ServiceVerifier::builder(keys, "autogpt-platform-backend").build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn builder(keys: JwtVerifierBuilder, audience: impl Into<String>) -> ServiceVerifierBuilder {
        ServiceVerifierBuilder { keys, audience: audience.into(), prefix: "service:".to_owned() }
    }
}

impl ServiceVerifierBuilder {
    /// Sets what subjects of services start with; the rest is the service's name. Defaults to `service:`.
    pub fn subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Builds the verifier. Key sets are not fetched yet.
    ///
    /// # Errors
    /// If the audience or the prefix is empty, a source of keys is a shared secret or has a symmetric algorithm, or for the
    /// reasons of [`JwtVerifierBuilder::build`].
    pub fn build(self) -> Result<ServiceVerifier, BuildError> {
        let Self { mut keys, audience, prefix } = self;
        for (name, setting) in [("audience", &audience), ("subject prefix", &prefix)] {
            if setting.trim().is_empty() {
                return Err(BuildError::new(format!(
                    "the {name} of services is empty: expected one that no user's token has"
                )));
            }
        }
        check_asymmetric(&keys)?;
        let rules = Arc::new(Rules { audience, prefix });
        for_services(&mut keys, &rules);
        Ok(ServiceVerifier { tokens: keys.build()?, rules })
    }
}

/// Rejects what lets whoever verifies sign as well: any service that knew a shared secret could be any other.
fn check_asymmetric(keys: &JwtVerifierBuilder) -> Result<(), BuildError> {
    let symmetric = keys.algorithms.iter().flatten().find(|algorithm| algorithm.is_symmetric());
    let found = match (&keys.key_source, symmetric) {
        (_, Some(algorithm)) => *algorithm,
        (KeySource::Secret(_), None) => Algorithm::Hs256,
        _ => return keys.also.iter().try_for_each(check_asymmetric),
    };
    Err(BuildError::new(format!(
        "{found} cannot verify services: whoever verifies by a shared secret could sign as any service; expected a key set \
         or a public key (`JwtVerifier::from_jwks`, `from_issuer`, `from_public_key`)"
    )))
}

/// Makes each source take services alone.
fn for_services(keys: &mut JwtVerifierBuilder, rules: &Arc<Rules>) {
    keys.validation.audiences = Some(vec![rules.audience.clone()]);
    keys.validation.rejected_prefixes.clear();
    let of = rules.clone();
    keys.mapping = Default::default();
    keys.map_token = Some(Arc::new(move |_, claims| identity(&of.prefix, claims)));
    for other in &mut keys.also {
        for_services(other, rules);
    }
}

fn identity(prefix: &str, claims: &Map<String, Value>) -> Result<UserInfo, AuthError> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    match subject.strip_prefix(prefix).filter(|name| !name.is_empty()) {
        Some(name) => Ok(ServiceIdentity::with_subject(subject, name).with_scopes(scopes(claims)).into()),
        None => {
            let (prefix, found) = (shown(prefix), shown(subject));
            Err(AuthError::new(ErrorKind::InvalidCredential).with_detail(format!(
                "the token is no service's: expected a subject (`sub`) of {prefix} and a name, found {found}"
            )))
        }
    }
}
