//! The port between a verifier and a list of what was revoked before its end.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::types::revocation::{Revocation, RevocationStatus, TokenIds};
use crate::util::boxed::BoxFuture;

/// Why a list of revocations cannot be asked, or written: any error. Its text is shown in the log.
pub type RevocationError = Box<dyn Error + Send + Sync>;

/// A list of what was revoked before its end, for
/// [`JwtVerifier`](crate::jwt::JwtVerifier): `MemoryRevocations`, `RedisRevocations`, or one of your own.
///
/// A verifier asks [`version`](Self::version) with each request. Only if that is another one than when it last looked the token
/// up, it asks [`status`](Self::status); and only if that is [`Unknown`](RevocationStatus::Unknown), it waits for
/// [`is_revoked`](Self::is_revoked). So a list that is kept here costs a request nothing but a number, and one that is elsewhere
/// decides itself how often to ask:
///
/// ```
/// use std::time::SystemTime;
///
/// use aigc_auth::revocation::{Revocation, RevocationError, RevocationStatus, Revocations, TokenIds};
///
/// /// A table of sessions, of which one that was ended is deleted. Asked with each request.
/// struct Sessions;
///
/// impl Revocations for Sessions {
///     fn version(&self) -> u64 {
///         0
///     }
///
///     fn status(&self, ids: &TokenIds) -> RevocationStatus {
///         if ids.sid().is_some() { RevocationStatus::Unknown } else { RevocationStatus::Valid }
///     }
///
///     async fn is_revoked(&self, ids: &TokenIds) -> Result<bool, RevocationError> {
///         // SELECT 1 FROM sessions WHERE id = $1
/// #       let found = ids.sid() == Some("s-1");
///         Ok(!found)
///     }
///
///     async fn revoke(&self, revocation: &Revocation, _until: SystemTime) -> Result<(), RevocationError> {
///         match revocation {
///             // DELETE FROM sessions WHERE id = $1
///             Revocation::Session { .. } => Ok(()),
///             _ => Err("only sessions can be revoked".into()),
///         }
///     }
/// }
/// ```
pub trait Revocations: Send + Sync + 'static {
    /// Returns a number that is another one as soon as a token that `status` has called valid may be so no longer. 0 has
    /// `status` asked each time. Must not wait.
    fn version(&self) -> u64;

    /// Returns what is known of a token. Must not wait.
    fn status(&self, ids: &TokenIds) -> RevocationStatus;

    /// Asks whether a token is revoked, after `status` was [`Unknown`](RevocationStatus::Unknown). Has a second.
    ///
    /// # Errors
    /// If the list cannot be asked. What happens then is for the verifier to say
    /// ([`RevocationFailure`](crate::revocation::RevocationFailure)).
    fn is_revoked(&self, ids: &TokenIds) -> impl Future<Output = Result<bool, RevocationError>> + Send;

    /// Revokes until this time, by which all tokens that it is about have expired. In force here when it returns, also if it
    /// fails to tell others.
    ///
    /// # Errors
    /// If it is not in force for all who share the list.
    fn revoke(
        &self,
        revocation: &Revocation,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), RevocationError>> + Send;
}

impl<R: Revocations> Revocations for Arc<R> {
    fn version(&self) -> u64 {
        (**self).version()
    }

    fn status(&self, ids: &TokenIds) -> RevocationStatus {
        (**self).status(ids)
    }

    fn is_revoked(&self, ids: &TokenIds) -> impl Future<Output = Result<bool, RevocationError>> + Send {
        (**self).is_revoked(ids)
    }

    fn revoke(
        &self,
        revocation: &Revocation,
        until: SystemTime,
    ) -> impl Future<Output = Result<(), RevocationError>> + Send {
        (**self).revoke(revocation, until)
    }
}

/// [`Revocations`] as a trait object, so that a verifier has no type parameter.
pub(crate) trait DynRevocations: Send + Sync {
    fn version(&self) -> u64;
    fn status(&self, ids: &TokenIds) -> RevocationStatus;
    fn is_revoked<'a>(&'a self, ids: &'a TokenIds) -> BoxFuture<'a, Result<bool, RevocationError>>;
    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<(), RevocationError>>;
}

impl<R: Revocations> DynRevocations for R {
    fn version(&self) -> u64 {
        Revocations::version(self)
    }

    fn status(&self, ids: &TokenIds) -> RevocationStatus {
        Revocations::status(self, ids)
    }

    fn is_revoked<'a>(&'a self, ids: &'a TokenIds) -> BoxFuture<'a, Result<bool, RevocationError>> {
        Box::pin(Revocations::is_revoked(self, ids))
    }

    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation,
        until: SystemTime,
    ) -> BoxFuture<'a, Result<(), RevocationError>> {
        Box::pin(Revocations::revoke(self, revocation, until))
    }
}
