//! What is kept of the token that a user was verified by.

use super::info::UserInfo;
use crate::types::revocation::RevocationMark;

impl UserInfo {
    pub(crate) fn claims(&self) -> Option<&str> {
        self.rare()?.claims.as_deref()
    }

    /// Sets the claims that the user was built from, as their JSON.
    pub(crate) fn set_claims(&mut self, claims: String) {
        self.change(|shared| shared.rare_mut().claims = Some(claims.into()));
    }

    pub(crate) fn revocation(&self) -> Option<&RevocationMark> {
        self.rare()?.revocation.as_deref()
    }

    /// Sets what the token may be revoked by.
    pub(crate) fn set_revocation(&mut self, mark: RevocationMark) {
        self.change(|shared| shared.rare_mut().revocation = Some(Box::new(mark)));
    }
}
