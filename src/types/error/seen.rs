//! What stood where the credential of a refused request may stand.

use super::auth_error::AuthError;
use super::kind::ErrorKind;
use crate::types::credential_seen::CredentialSeen;

impl AuthError {
    /// Keeps what was seen, for a refusal that is made later.
    pub(crate) const fn with_seen(mut self, seen: CredentialSeen) -> Self {
        self.seen = seen;
        self
    }

    /// Returns what was seen, as far as the error knows.
    pub(crate) const fn seen(&self) -> CredentialSeen {
        match (self.seen, self.kind()) {
            (CredentialSeen::Unknown, ErrorKind::MissingCredential) => CredentialSeen::Nothing,
            (seen, _) => seen,
        }
    }
}
