use std::borrow::Cow;

use super::source::CredentialSource;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::presented::Presented;

/// What one source has.
pub(super) enum Value<'a> {
    Nothing,
    /// Something that does not count, and why.
    Ignored(&'static str),
    Malformed(&'static str),
    /// A credential, alone or after `Bearer`.
    Credential(Cow<'a, [u8]>),
}

/// What the sources other than `Authorization` have, together.
pub(crate) enum Sent<'a> {
    /// Nothing that counts: where something was, and why it does not count.
    Nothing(Option<(&'a CredentialSource, &'static str)>),
    Credential(Credential, &'a CredentialSource),
    Rejected(AuthError),
}

impl<'a> Sent<'a> {
    /// Adds what another source has.
    pub(super) fn and(self, value: Value<'_>, source: &'a CredentialSource, max_len: usize) -> Self {
        let credential = match value {
            Value::Nothing => return self,
            Value::Ignored(why) => {
                return match self {
                    Self::Nothing(None) => Self::Nothing(Some((source, why))),
                    known => known,
                };
            }
            Value::Malformed(why) => Err(malformed(format!("{source} {why}"))),
            Value::Credential(text) => match Presented::alone_or_after_scheme(&text, max_len) {
                Presented::Credential(credential) => Ok(credential),
                Presented::Malformed(why) => Err(malformed(format!("{source}: {why}"))),
                Presented::TooLong => Err(too_long(source)),
                Presented::Nothing => return self,
            },
        };
        match (self, credential) {
            (Self::Rejected(error), _) | (_, Err(error)) => Self::Rejected(error),
            (Self::Nothing(_), Ok(credential)) => Self::Credential(credential, source),
            (Self::Credential(first, its_source), Ok(second)) => {
                match same(first, &second, its_source, source) {
                    Ok(credential) => Self::Credential(credential, its_source),
                    Err(error) => Self::Rejected(error),
                }
            }
        }
    }

    /// Adds what `Authorization` has.
    pub(crate) fn and_authorization(self, presented: Presented) -> Found<'a> {
        match (presented, self) {
            (presented @ (Presented::Malformed(_) | Presented::TooLong), _) => Found::Presented(presented),
            (_, Self::Rejected(error)) => Found::Rejected(error),
            (Presented::Credential(one), Self::Credential(other, source)) => {
                match same(one, &other, &CredentialSource::authorization(), source) {
                    Ok(credential) => Found::Presented(Presented::Credential(credential)),
                    Err(error) => Found::Rejected(error),
                }
            }
            (Presented::Nothing, Self::Credential(credential, _)) => {
                Found::Presented(Presented::Credential(credential))
            }
            (Presented::Nothing, Self::Nothing(Some((source, why)))) => Found::Ignored(source, why),
            (presented, Self::Nothing(_)) => Found::Presented(presented),
        }
    }
}

/// What all sources have, together.
pub(crate) enum Found<'a> {
    Presented(Presented),
    /// No credential but one that does not count.
    Ignored(&'a CredentialSource, &'static str),
    Rejected(AuthError),
}

/// A proxy may have verified either of two different ones.
fn same(
    one: Credential,
    other: &Credential,
    its_source: &CredentialSource,
    other_source: &CredentialSource,
) -> Result<Credential, AuthError> {
    if one == *other {
        return Ok(one);
    }
    Err(malformed(format!("two different credentials: in {its_source} and in {other_source}")))
}

fn malformed(detail: String) -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail(detail)
}

/// The error for a credential that is longer than the layer takes.
pub(crate) fn too_long(source: &CredentialSource) -> AuthError {
    let detail = format!("{source} has a credential over the layer's `max_credential_len`");
    AuthError::new(ErrorKind::CredentialTooLarge).with_detail(detail)
}
