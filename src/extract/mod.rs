//! Axum extractors: who asks, and whether they may.
//!
//! | extractor | no credential | bad credential | unverifiable | not allowed |
//! |---|---|---|---|---|
//! | [`CurrentUser`] | 401 | 401 | 503 | |
//! | `Option<CurrentUser>` | `None` | 401 | 503 | |
//! | [`OptionalUser`] | `None` | `None` | `None` | |
//! | [`RequirePermission`], [`RequireRole`], [`RequireAdmin`] | 401 | 401 | 503 | 403 |
//!
//! [`ActAsUser`] is [`CurrentUser`] or, for admins who say so, whom they act as: 403, 404, 503 or 400 where that
//! cannot be.
//!
//! The layer refuses before they are asked, unless it was told to
//! [`allow_anonymous`](crate::AuthLayer::allow_anonymous). On requests that no layer saw they answer 500, and the log
//! says which layer is missing. On excluded paths all but [`OptionalUser`] answer 500, too: nobody looked at the
//! credential. [`RequestInfo`] answers anywhere.

mod act_as_user;
mod current_user;
mod optional_user;
mod rejection;
mod request_info;
mod require_permission;
mod require_role;

pub use act_as_user::ActAsUser;
pub use current_user::CurrentUser;
pub use optional_user::OptionalUser;
pub use request_info::RequestInfo;
pub use require_permission::{RequireAdmin, RequirePermission};
pub use require_role::RequireRole;

/// Makes an extractor that holds a user readable as one.
macro_rules! holds_user {
    ($name:ident $(<$param:ident: $bound:ident>)?) => {
        impl $(<$param: $bound>)? $name $(<$param>)? {
            /// The user.
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
use holds_user;
