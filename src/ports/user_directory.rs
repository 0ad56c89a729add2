//! The port between impersonation, which is given an id, and a directory of users.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo};
use crate::util::boxed::BoxFuture;

/// Finds users by id, for example in the auth center (`AuthClient`) or in a table of users.
///
/// [`ActAsUser`](crate::ActAsUser) looks up here the user that an admin wants to act as.
///
/// ```
/// use aigc_auth::impersonation::UserDirectory;
/// use aigc_auth::{AuthError, UserId, UserInfo};
///
/// struct Staff;
///
/// impl UserDirectory for Staff {
///     async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
///         Ok((id.as_i64() == Some(7)).then(|| UserInfo::builder(7, "alice").build()))
///     }
/// }
/// ```
pub trait UserDirectory: Send + Sync + 'static {
    /// Finds the user of this id; `None` if there is none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::error::ErrorKind::Unavailable) if the directory cannot answer. Any other kind is answered
    /// as if it were that.
    fn find_user(&self, id: &UserId) -> impl Future<Output = Result<Option<UserInfo>, AuthError>> + Send;
}

impl<D: UserDirectory> UserDirectory for Arc<D> {
    fn find_user(&self, id: &UserId) -> impl Future<Output = Result<Option<UserInfo>, AuthError>> + Send {
        (**self).find_user(id)
    }
}

/// A type-erased [`UserDirectory`]. Cheap to clone.
#[derive(Clone)]
pub struct Directory(Arc<dyn DynUserDirectory>);

trait DynUserDirectory: Send + Sync {
    fn find_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<UserInfo>, AuthError>>;
}

impl<D: UserDirectory> DynUserDirectory for D {
    fn find_user<'a>(&'a self, id: &'a UserId) -> BoxFuture<'a, Result<Option<UserInfo>, AuthError>> {
        Box::pin(UserDirectory::find_user(self, id))
    }
}

impl Directory {
    /// Erases the type of a directory.
    pub fn new(directory: impl UserDirectory) -> Self {
        Self(Arc::new(directory))
    }

    pub(crate) async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
        self.0.find_user(id).await
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}
