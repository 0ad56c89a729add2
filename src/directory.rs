//! The port between those who are given an id and whoever knows the user behind it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::AuthError;
use crate::user::{UserId, UserInfo};

/// Knows users by their ids, such as the `AuthClient`, or the users' table of a service.
///
/// [`ActAsUser`](crate::ActAsUser) asks it whom an admin wants to act as.
///
/// ```
/// use aigc_auth::{AuthError, UserDirectory, UserId, UserInfo};
///
/// struct Staff;
///
/// impl UserDirectory for Staff {
///     async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
///         Ok((id.as_int() == Some(7)).then(|| UserInfo::builder(7, "alice").build()))
///     }
/// }
/// ```
pub trait UserDirectory: Send + Sync + 'static {
    /// The user of this id; `None` if there is none.
    ///
    /// # Errors
    /// Best [`Unavailable`](crate::ErrorKind::Unavailable), as others are answered: it could not be told.
    fn find_user(&self, id: &UserId) -> impl Future<Output = Result<Option<UserInfo>, AuthError>> + Send;
}

impl<D: UserDirectory> UserDirectory for Arc<D> {
    fn find_user(&self, id: &UserId) -> impl Future<Output = Result<Option<UserInfo>, AuthError>> + Send {
        (**self).find_user(id)
    }
}

/// Any [`UserDirectory`]. Cheap to clone.
#[derive(Clone)]
pub struct Directory(Arc<dyn Erased>);

type Finding<'a> = Pin<Box<dyn Future<Output = Result<Option<UserInfo>, AuthError>> + Send + 'a>>;

trait Erased: Send + Sync {
    fn find_user<'a>(&'a self, id: &'a UserId) -> Finding<'a>;
}

impl<D: UserDirectory> Erased for D {
    fn find_user<'a>(&'a self, id: &'a UserId) -> Finding<'a> {
        Box::pin(UserDirectory::find_user(self, id))
    }
}

impl Directory {
    /// This one.
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
