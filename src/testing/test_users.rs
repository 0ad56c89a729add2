use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::ports::user_directory::{Directory, UserDirectory};
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};

/// Makes a verifier of these tokens and access keys (`ak_…`), each with its user: one app with several users, without an auth
/// center. Every setting of the [`AuthLayer`](crate::AuthLayer) applies.
///
/// Other credentials are invalid (401). The users are a directory as well: admins among them may act as the others.
///
/// ```
/// use aigc_auth::{AuthLayer, CurrentUser, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let users = testing::users([("a", testing::user("alice")), ("b", testing::user("bob"))]);
/// let app: Router = Router::new()
///     .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
///     .layer(AuthLayer::new(users));
/// for (token, status) in [("a", 200), ("b", 200), ("c", 401)] {
///     let request = http::Request::get("/me").header("authorization", format!("Bearer {token}"));
///     let request = request.body(axum::body::Body::empty()).unwrap();
///     assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
/// }
/// # }
/// ```
pub fn users<C, U>(users: impl IntoIterator<Item = (C, U)>) -> TestUsers
where
    C: Into<String>,
    U: Into<UserInfo>,
{
    TestUsers(Arc::new(
        users.into_iter().map(|(credential, user)| (credential.into(), user.into())).collect(),
    ))
}

/// The verifier that [`users`] returns. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct TestUsers(Arc<HashMap<String, UserInfo>>);

impl TestUsers {
    fn find(&self, credential: &str, unknown: fn() -> AuthError) -> Result<UserInfo, AuthError> {
        self.0.get(credential).cloned().ok_or_else(unknown)
    }
}

macro_rules! verifies {
    ($($credential:ty: $unknown:expr),+ $(,)?) => {$(
        impl Verify<$credential> for TestUsers {
            fn try_verify(&self, credential: &$credential) -> Option<Result<UserInfo, AuthError>> {
                Some(self.find(credential.as_str(), $unknown))
            }

            async fn verify(&self, credential: $credential) -> Result<UserInfo, AuthError> {
                self.find(credential.as_str(), $unknown)
            }

            fn directory(&self) -> Option<Directory> {
                Some(Directory::new(self.clone()))
            }
        }
    )+};
}

verifies! {
    BearerToken: || ErrorKind::InvalidCredential.into(),
    AccessKey: AuthError::invalid_access_key,
}

impl UserDirectory for TestUsers {
    async fn find_user(&self, id: &UserId) -> Result<Option<UserInfo>, AuthError> {
        Ok(self.0.values().find(|user| user.id() == id && !user.is_service()).cloned())
    }
}

impl fmt::Debug for TestUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The credentials may be real ones.
        f.debug_set().entries(self.0.values()).finish()
    }
}
