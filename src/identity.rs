//! What the layer leaves in a request's extensions, and how it is read.
//!
//! One insert a request: the [`UserInfo`] itself, or else why there is none.

use std::sync::LazyLock;

use http::Extensions;

use crate::error::{AuthError, ErrorKind};
use crate::user::UserInfo;

/// Why a request that a layer let through has no user.
#[derive(Clone)]
pub(crate) enum NoUser {
    /// Its path is excluded: nobody looked at the credential.
    Excluded,
    /// Anonymous requests are let through, and this is what a refusal would have said.
    Refused(AuthError),
}

/// Extensions without content that have room for ours and for the three that a router adds. Made afresh, they would
/// have to grow at the fourth: one more allocation, and all moved.
static ROOMY: LazyLock<Extensions> = LazyLock::new(|| {
    let mut extensions = Extensions::new();
    extensions.insert(0u8);
    extensions.insert(0u16);
    extensions.insert(0u32);
    extensions.insert(0u64);
    // The room stays, and a clone keeps it.
    extensions.remove::<u8>();
    extensions.remove::<u16>();
    extensions.remove::<u32>();
    extensions.remove::<u64>();
    extensions
});

/// Who asks, as the innermost layer told.
pub(crate) fn set(extensions: &mut Extensions, identity: Result<UserInfo, NoUser>) {
    if extensions.is_empty() {
        *extensions = ROOMY.clone();
    }
    match identity {
        Ok(user) => {
            extensions.insert(user);
        }
        Err(no_user) => {
            // An outer layer may have found somebody by other rules; the inner one's word stands, except where it
            // did not look.
            if matches!(no_user, NoUser::Refused(_)) {
                extensions.remove::<UserInfo>();
            }
            extensions.insert(no_user);
        }
    }
}

/// The user, or the refusal of a handler that needs one.
pub(crate) fn required(extensions: &Extensions) -> Result<&UserInfo, AuthError> {
    match (extensions.get::<UserInfo>(), extensions.get::<NoUser>()) {
        (Some(user), _) => Ok(user),
        (None, Some(NoUser::Refused(error))) => Err(error.clone()),
        (None, Some(NoUser::Excluded)) => Err(AuthError::new(ErrorKind::Misconfigured).with_detail(
            "the handler needs a user, but its path is excluded from `AuthLayer`: remove the exclusion, or take \
             `OptionalUser`",
        )),
        (None, None) => Err(layer_missing()),
    }
}

/// The user if there is one, whatever the reason if not.
pub(crate) fn optional(extensions: &Extensions) -> Result<Result<&UserInfo, &NoUser>, AuthError> {
    match (extensions.get::<UserInfo>(), extensions.get::<NoUser>()) {
        (Some(user), _) => Ok(Ok(user)),
        (None, Some(no_user)) => Ok(Err(no_user)),
        (None, None) => Err(layer_missing()),
    }
}

pub(crate) fn layer_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "no `AuthLayer` saw this request: add `.layer(AuthLayer::new(..))` to the router after this route, fallback or \
         merge",
    )
}
