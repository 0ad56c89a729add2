//! Deref an extractor to the user in it.

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
