//! One issuer, or several that share keys: its keys, what it requires of tokens, and how it maps them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::algorithm::Algorithm;
use super::error::{Reason, Rejection};
use super::jwks::{Fetch, Jwks};
use super::key::VerificationKey;
use super::token::Token;
use super::validation::Validation;
use crate::types::claims::{ClaimsMapping, MapToken};
use crate::types::user::UserInfo;

pub(super) struct Source {
    pub(super) keys: Keys,
    pub(super) validation: Validation,
    /// Where the id is. The rest is in `map_token`, where that is given.
    pub(super) mapping: ClaimsMapping,
    pub(super) map_token: Option<Arc<MapToken>>,
}

pub(super) enum Keys {
    Static(Box<VerificationKey>),
    Remote(Jwks),
}

/// What the signature of a token was verified by.
pub(super) struct Signed {
    /// Until when the key is fresh, if it is of a key set.
    key_valid_until: Option<SystemTime>,
}

/// The user of a token, and until when they may be cached.
pub(super) type Decoded = (UserInfo, Option<SystemTime>);

impl Source {
    /// Whether tokens of this issuer are its own. `None` if it takes those of any.
    pub(super) fn is_of(&self, issuer: Option<&str>) -> Option<bool> {
        let issuers = self.validation.issuers.as_ref()?;
        Some(issuer.is_some_and(|issuer| issuers.iter().any(|accepted| accepted == issuer)))
    }

    /// Whether one of its keys may be for this algorithm.
    pub(super) fn may_support(&self, algorithm: Algorithm) -> bool {
        match &self.keys {
            Keys::Static(key) => key.supports(algorithm),
            Keys::Remote(jwks) => jwks.may_support(algorithm),
        }
    }

    /// Verifies the signature of a token. `None` if keys have to be fetched first, while that is pending.
    pub(super) fn verify_signature(
        &self,
        token: &Token<'_>,
        fetch: Fetch,
    ) -> Result<Option<Signed>, Rejection> {
        match &self.keys {
            Keys::Static(key) => token.verify(key).map(|()| Some(Signed { key_valid_until: None })),
            Keys::Remote(jwks) => {
                let valid_until = jwks.verify(token, fetch)?;
                Ok(valid_until.map(|valid_until| Signed { key_valid_until: Some(valid_until) }))
            }
        }
    }

    /// Verifies a token. `None` if keys have to be fetched first, while that is pending.
    pub(super) fn decode(
        &self,
        token: &Token<'_>,
        fetch: Fetch,
        today: SystemTime,
    ) -> Result<Option<Decoded>, Rejection> {
        let Some(Signed { key_valid_until }) = self.verify_signature(token, fetch)? else { return Ok(None) };
        let claims = token.claims()?;
        let exp = self.validation.validate(token.typ(), claims, today)?;
        let without_subject = |error| Rejection::new(Reason::Subject, error);
        let mut user = match &self.map_token {
            Some(map) => {
                self.mapping.subject(claims).map_err(without_subject)?;
                map(&token.header_members(), claims)
                    .map_err(|error| Rejection::new(Reason::Mapping, error))?
            }
            None => self.mapping.map(claims).map_err(without_subject)?.build(),
        };
        // The id may be in another claim than `sub`.
        if let Some(id) = user.id().as_str() {
            self.validation.validate_subject(id)?;
        }
        user.set_claims(token.take_claims_text());
        if let Some(end) = exp {
            user.set_valid_until(end);
        }
        Ok(Some((user, [exp, key_valid_until].into_iter().flatten().min())))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Source");
        match &self.keys {
            Keys::Static(_) => debug.field("keys", &"static"),
            Keys::Remote(jwks) => debug.field("keys", jwks),
        };
        debug.field("validation", &self.validation).finish_non_exhaustive()
    }
}
