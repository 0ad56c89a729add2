//! Find the credential of a request, or say why there is none.

use super::missing;
use super::sources::CredentialSource;
use super::sources::search::Sources;
use super::sources::sent::{Found, Sent, too_long};
use crate::request::context::Authorization;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::presented::Presented;

/// Returns the credential in `Authorization`, whose characters are not checked yet.
#[inline(always)]
pub(super) fn in_authorization(
    authorization: Authorization<'_>,
    max_len: usize,
) -> Result<Credential, AuthError> {
    match presented(authorization, max_len) {
        Presented::Credential(credential) => Ok(credential),
        presented => Err(rejection(&presented, authorization)),
    }
}

/// Returns the credential of a request that may have one elsewhere: `sent` is what stands there.
#[inline]
pub(super) fn in_any_source(
    sources: &Sources,
    sent: Sent<'_>,
    authorization: Authorization<'_>,
    max_len: usize,
) -> Result<Credential, AuthError> {
    let presented =
        if sources.authorization { presented(authorization, max_len) } else { Presented::Nothing };
    let nothing = || {
        if sources.authorization {
            ErrorKind::MissingCredential.into()
        } else {
            AuthError::no_credential_elsewhere()
        }
    };
    match sent.and_authorization(presented) {
        Found::Presented(Presented::Credential(credential)) => Ok(credential),
        Found::Presented(Presented::Nothing) if !sources.authorization => Err(nothing()),
        Found::Presented(presented) => Err(rejection(&presented, authorization)),
        Found::Ignored(source, why) => Err(missing::ignored(nothing(), source, why)),
        Found::Rejected(error) => Err(error),
    }
}

#[inline(always)]
fn presented(authorization: Authorization<'_>, max_len: usize) -> Presented {
    match authorization {
        Authorization::None => Presented::Nothing,
        Authorization::One(value) => Presented::in_value(value, max_len),
        // A proxy may have verified either of them.
        Authorization::Several => Presented::Malformed("more than one Authorization header"),
    }
}

/// The error for an `Authorization` that has no credential.
#[inline(never)]
fn rejection(presented: &Presented, authorization: Authorization<'_>) -> AuthError {
    match (presented, authorization) {
        (Presented::TooLong, _) => too_long(&CredentialSource::authorization()),
        (Presented::Malformed(why), _) => AuthError::new(ErrorKind::InvalidCredential).with_detail(*why),
        (_, Authorization::One(value)) => missing::other_scheme(value),
        _ => ErrorKind::MissingCredential.into(),
    }
}
