use std::time::Duration;

use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};

/// How long a credential is not asked about again after an answer that says nothing about it.
pub(super) const UNCLEAR_PAUSE: Duration = Duration::from_secs(1);

/// Converts the auth center's code to a verdict on the credential: 401 and 404 are invalid, 403 is denied, and with any
/// other code the credential could not be verified.
pub(super) fn verdict(error: AuthError, credential: &Credential) -> AuthError {
    if error.kind() != ErrorKind::Rejected {
        return error;
    }
    let verdict = match (error.code(), credential) {
        (401 | 404, Credential::Bearer(_)) => AuthError::new(ErrorKind::InvalidCredential),
        (401 | 404, Credential::AccessKey(_)) => AuthError::invalid_access_key(),
        (403, _) => AuthError::new(ErrorKind::Denied),
        _ => AuthError::new(ErrorKind::Unavailable),
    };
    error.reclassified(&verdict)
}
