//! Permissions, roles and groups as types.

use std::fmt;
use std::marker::PhantomData;

use crate::types::combinations::combinations;
use crate::types::requirement::Requirement;
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

    /// Returns what is required as data, for documents. Defaults to a [`Requirement::Rule`] of what
    /// [`describe`](Self::describe) writes.
    fn requirement() -> Requirement {
        Requirement::Rule(Described(Self::describe).to_string())
    }
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

    /// What it means, for documents. Defaults to none.
    const DESCRIPTION: &'static str = "";
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

    /// What it means, for documents. Defaults to none.
    const DESCRIPTION: &'static str = "";
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

    fn requirement() -> Requirement {
        Requirement::Admin
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

    fn requirement() -> Requirement {
        Requirement::AllOf(Vec::new())
    }
}

impl Permission for AnyOf<()> {
    fn is_granted(_: &UserInfo) -> bool {
        false
    }

    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unsatisfiable permission")
    }

    fn requirement() -> Requirement {
        Requirement::AnyOf(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions;

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
        fn of<P: Permission>() -> (String, String) {
            (description::<P>(), P::requirement().to_string())
        }
        for ((described, required), expected) in [
            (of::<A>(), "a"),
            (of::<AllOf<(A, AnyOf<(B, C)>, Admin)>>(), "(a and (b or c) and the admin flag)"),
            (of::<AllOf<()>>(), "nothing"),
            (of::<AnyOf<()>>(), "an unsatisfiable permission"),
        ] {
            assert_eq!((&*described, &*required), (expected, expected));
        }
    }
}
