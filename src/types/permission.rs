//! Permissions, roles and groups as types.

use std::fmt;
use std::marker::PhantomData;

use crate::types::combinations::combinations;
use crate::types::user::UserInfo;

/// A requirement on a user: one code, or a combination by [`AllOf`] and [`AnyOf`].
///
/// Declare codes with [`permissions!`](crate::permissions), roles with [`roles!`](crate::roles), and combine them:
///
/// ```
/// use aigc_auth::permission::{AllOf, AnyOf};
/// use aigc_auth::{Permission, UserInfo, permissions};
///
/// permissions! {
///     pub Read = "report:read";
///     pub Write = "report:write";
///     pub Publish = "report:publish";
/// }
/// type Editor = AllOf<(Read, AnyOf<(Write, Publish)>)>;
///
/// let user = UserInfo::builder(1, "alice").permissions(["report:read", "report:publish"]).build();
/// assert!(Editor::is_granted(&user));
/// ```
///
/// Combinations have up to eight members, and nest. Implement the trait by hand for a rule that is no code:
///
/// ```
/// use aigc_auth::{Permission, RequirePermission, UserInfo};
/// use std::fmt;
///
/// struct Staff;
///
/// impl Permission for Staff {
///     fn is_granted(user: &UserInfo) -> bool {
///         user.company() == Some("Example Ltd")
///     }
///
///     fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("staff")
///     }
/// }
///
/// async fn canteen(_: RequirePermission<Staff>) -> &'static str {
///     "soup"
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a permission",
    label = "not a permission",
    note = "permissions are declared: `permissions! {{ pub ReadReports = \"report:read\"; }}`",
    note = "several permissions are combined as `AllOf<(A, B)>` or `AnyOf<(A, B)>`, never as a bare tuple",
    note = "for a code known only at run time, call `user.require(code)?` in the handler"
)]
pub trait Permission: Send + Sync + 'static {
    /// Checks whether the user has the permission.
    fn is_granted(user: &UserInfo) -> bool;

    /// Writes what is required, for the refusal and the log: `report:read`, or `(a and (b or c))`.
    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A role as a type, declared with [`roles!`](crate::roles).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a role",
    label = "not a role",
    note = "roles are declared: `roles! {{ pub Editor = \"editor\"; }}`"
)]
pub trait Role: Send + Sync + 'static {
    /// The role's code at the auth center.
    const CODE: &'static str;
}

/// A group as a type, declared with [`groups!`](crate::groups).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group",
    label = "not a group",
    note = "groups are declared: `groups! {{ pub Operations = \"ops\"; }}`",
    note = "for one or all of several groups, take `GuardLayer::any_group`, `GuardLayer::all_groups`, or `user.has_any_group`"
)]
pub trait Group: Send + Sync + 'static {
    /// The group's code at the auth center.
    const CODE: &'static str;
}

/// Granted to admins: users whose `is_admin` is set. Combine it with others, or take
/// [`RequireAdmin`](crate::RequireAdmin).
#[derive(Debug)]
pub enum Admin {}

/// Granted when every member of the tuple (up to eight) is. `AllOf<()>` is granted to everyone.
pub struct AllOf<T>(PhantomData<fn() -> T>);

/// Granted when at least one member of the tuple (up to eight) is. `AnyOf<()>` is granted to no one.
pub struct AnyOf<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for AllOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AllOf")
    }
}

impl<T> fmt::Debug for AnyOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyOf")
    }
}

impl Permission for Admin {
    fn is_granted(user: &UserInfo) -> bool {
        user.is_admin()
    }

    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With a space, so that it is not taken for the code of a permission.
        f.write_str("the admin flag")
    }
}

/// What such a function writes.
pub(crate) struct Described(pub(crate) fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Describes what `P` requires.
pub(crate) fn description<P: Permission>() -> String {
    Described(P::describe).to_string()
}

combinations!(Permission, UserInfo);

impl Permission for AllOf<()> {
    fn is_granted(_: &UserInfo) -> bool {
        true
    }

    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

impl Permission for AnyOf<()> {
    fn is_granted(_: &UserInfo) -> bool {
        false
    }

    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unsatisfiable permission")
    }
}

/// Declares permissions as types, to be named in handler signatures.
///
/// ```
/// use aigc_auth::{RequirePermission, permissions};
///
/// permissions! {
///     /// Read reports.
///     pub ReadReports = "report:read";
///     pub(crate) WriteReports = "report:write";
/// }
///
/// async fn reports(_: RequirePermission<ReadReports>) -> &'static str {
///     "…"
/// }
/// ```
#[macro_export]
macro_rules! permissions {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $code:literal;)*) => {$(
        #[doc = concat!("The permission `", $code, "`.")]
        #[doc = ""]
        $(#[$meta])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $name {
            /// The permission's code at the auth center.
            #[allow(dead_code)]
            $visibility const CODE: &'static str = $code;
        }

        impl $crate::Permission for $name {
            fn is_granted(user: &$crate::UserInfo) -> bool {
                user.has_permission($code)
            }

            fn describe(f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str($code)
            }
        }
    )*};
}

/// Declares roles as types, for [`RequireRole`](crate::RequireRole).
///
/// ```
/// use aigc_auth::permission::Role;
/// use aigc_auth::{RequireRole, roles};
///
/// roles! {
///     /// May edit.
///     pub Editor = "editor";
/// }
///
/// async fn drafts(_: RequireRole<Editor>) -> &'static str {
///     "..."
/// }
/// assert_eq!(Editor::CODE, "editor");
/// ```
#[macro_export]
macro_rules! roles {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $code:literal;)*) => {$(
        #[doc = concat!("The role `", $code, "`.")]
        #[doc = ""]
        $(#[$meta])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $crate::permission::Role for $name {
            const CODE: &'static str = $code;
        }
    )*};
}

/// Declares groups as types, for [`RequireGroup`](crate::RequireGroup).
///
/// ```
/// use aigc_auth::permission::Group;
/// use aigc_auth::{RequireGroup, groups};
///
/// groups! {
///     /// Runs the machines.
///     pub Operations = "ops";
/// }
///
/// async fn machines(_: RequireGroup<Operations>) -> &'static str {
///     "..."
/// }
/// assert_eq!(Operations::CODE, "ops");
/// ```
#[macro_export]
macro_rules! groups {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $code:literal;)*) => {$(
        #[doc = concat!("The group `", $code, "`.")]
        #[doc = ""]
        $(#[$meta])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $crate::permission::Group for $name {
            const CODE: &'static str = $code;
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;

    permissions! {
        A = "a";
        B = "b";
        C = "c";
    }

    #[test]
    fn combinations() {
        type Nested = AllOf<(A, AnyOf<(B, C)>)>;
        for (permissions, all, any, nested) in [
            (&[][..], false, false, false),
            (&["a"], false, true, false),
            (&["a", "b"], true, true, true),
            (&["a", "c"], false, true, true),
            (&["b", "c"], false, true, false),
            (&["A", "B"], false, false, false),
        ] {
            let user = UserInfo::builder(1, "alice").permissions(permissions.iter().copied()).build();
            assert_eq!(AllOf::<(A, B)>::is_granted(&user), all, "{permissions:?}");
            assert_eq!(AnyOf::<(A, B)>::is_granted(&user), any, "{permissions:?}");
            assert_eq!(Nested::is_granted(&user), nested, "{permissions:?}");
        }
    }

    #[test]
    fn empty_combinations_and_admin() {
        let user = UserInfo::builder(1, "alice").build();
        assert!(AllOf::<()>::is_granted(&user) && !AnyOf::<()>::is_granted(&user));
        assert!(!Admin::is_granted(&user));
        let admin = UserInfo::builder(1, "root").admin(true).build();
        assert!(Admin::is_granted(&admin));
        assert!(!A::is_granted(&admin), "being an admin grants no permission");
    }

    #[test]
    fn described() {
        assert_eq!(description::<A>(), "a");
        assert_eq!(description::<AllOf<(A, AnyOf<(B, C)>, Admin)>>(), "(a and (b or c) and the admin flag)");
    }
}
