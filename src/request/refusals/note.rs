//! Note a refusal: in the log, and to the observer.

use super::settings::RefusalSettings;
use crate::ports::observer::{Event, Refused, RefusedBy};
use crate::types::credential::Credential;
use crate::types::credential_seen::CredentialSeen;
use crate::types::error::{AuthError, ErrorKind};

impl RefusalSettings {
    /// Notes a refusal of an extractor, a guard or a handler, to a request that was verified by this credential.
    pub(crate) fn note(&self, error: &AuthError, verified_by: Option<&Credential>) {
        log(error);
        self.tell(error, RefusedBy::Handler, || match (error.seen(), verified_by) {
            (CredentialSeen::Unknown, Some(credential)) => credential.seen(),
            (seen, _) => seen,
        });
    }

    /// Notes a refusal of the layer.
    pub(super) fn note_rejection(&self, error: &AuthError, seen: impl FnOnce() -> CredentialSeen) {
        log(error);
        self.tell(error, RefusedBy::Layer, seen);
    }

    fn tell(&self, error: &AuthError, by: RefusedBy, seen: impl FnOnce() -> CredentialSeen) {
        self.watch.tell(|| {
            let needed = error.needed().map(str::to_owned);
            Event::Refused(Refused { kind: error.kind(), by, seen: seen(), needed })
        });
    }
}

fn log(error: &AuthError) {
    match error.kind() {
        ErrorKind::Misconfigured | ErrorKind::Internal => tracing::error!(%error, "request refused"),
        // The verifier warns about outages itself, and not once a request.
        _ => tracing::debug!(%error, "request refused"),
    }
}
