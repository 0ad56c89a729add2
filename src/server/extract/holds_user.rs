//! Deref an extractor to the user in it, and make one of a user.

use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;

/// Implements `into_inner`, `Deref<Target = UserInfo>` and `Debug` for an extractor with a field `user`.
macro_rules! holds_user {
    ($name:ident $(<$param:ident: $bound:ident>)?) => {
        impl $(<$param: $bound>)? $name $(<$param>)? {
            /// Returns the user.
            pub fn into_inner(self) -> $crate::UserInfo {
                self.user
            }
        }

        impl $(<$param: $bound>)? std::ops::Deref for $name $(<$param>)? {
            type Target = $crate::UserInfo;

            fn deref(&self) -> &$crate::UserInfo {
                &self.user
            }
        }

        impl $(<$param: $bound>)? std::fmt::Debug for $name $(<$param>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.user).finish()
            }
        }
    };
}
pub(super) use holds_user;

/// Makes an extractor of a user, if it would accept them: to call a handler as a function. `$user` is granted by `$granted`, or
/// lacks `$needed`.
macro_rules! made_of_user {
    ($name:ident<$param:ident: $bound:ident> { $marker:ident }: |$user:ident| $granted:expr, $needed:expr) => {
        impl<$param: $bound> $name<$param> {
            fn accept($user: $crate::UserInfo) -> Result<Self, $crate::AuthError> {
                if $granted {
                    Ok(Self { user: $user, $marker: std::marker::PhantomData })
                } else {
                    Err($crate::AuthError::missing_permission($needed))
                }
            }
        }

        /// Accepts a user as the extractor does, to call a handler as a function.
        impl<$param: $bound> TryFrom<$crate::UserInfo> for $name<$param> {
            type Error = $crate::AuthError;

            fn try_from(user: $crate::UserInfo) -> Result<Self, $crate::AuthError> {
                super::holds_user::reject_service(&user)?;
                Self::accept(user)
            }
        }
    };
}
pub(super) use made_of_user;

/// Rejects a service in the form in which verifiers return one: its scopes are no user's permissions.
pub(super) fn reject_service(user: &UserInfo) -> Result<(), AuthError> {
    if !user.is_service() {
        return Ok(());
    }
    Err(AuthError::new(ErrorKind::Denied)
        .with_detail("expected a user, found a service: take `CurrentService`"))
}
