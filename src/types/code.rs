//! Declared permissions, roles, groups and actions as data; and how permissions, roles and groups are declared as types.

use serde::Serialize;

/// A declared permission, role or group as data: to be listed for admins and in documents.
///
/// ```
/// use aigc_auth::permissions;
///
/// permissions! {
///     /// All permissions of this service.
///     pub const PERMISSIONS;
///
///     /// Read reports.
///     pub ReadReports = "report:read";
///     pub WriteReports = "report:write";
/// }
///
/// let listed: Vec<_> = PERMISSIONS.iter().map(|code| (code.code, code.description)).collect();
/// assert_eq!(listed, [("report:read", "Read reports."), ("report:write", "")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(description = "A permission, a role or a group."))]
#[non_exhaustive]
pub struct Code {
    /// The code at the auth center.
    pub code: &'static str,
    /// The comment that it was declared with, as one paragraph; empty without one.
    pub description: &'static str,
}

impl Code {
    #[doc(hidden)]
    pub const fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description: description.trim_ascii() }
    }
}

/// A declared action as data, to be listed in docs and OpenAPI: see [`org_actions!`](crate::org_actions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "utoipa", schema(description = "What members of an organisation or a team may do."))]
#[non_exhaustive]
pub struct Action {
    /// The action's name.
    pub name: &'static str,
    /// The comment that it was declared with, as one paragraph; empty, and left out of JSON, without one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub description: &'static str,
    /// The codes of the roles that hold it.
    pub roles: &'static [&'static str],
}

impl Action {
    #[doc(hidden)]
    pub const fn new(name: &'static str, description: &'static str, roles: &'static [&'static str]) -> Self {
        Self { name, description: description.trim_ascii(), roles }
    }
}

/// Joins the lines of a doc comment.
#[doc(hidden)]
#[macro_export]
macro_rules! __description {
    ($(#[$($meta:tt)+])*) => { concat!($($crate::__description!(@ $($meta)+)),*) };
    (@ doc = $text:literal) => { $text };
    (@ doc = $text:expr) => { $text };
    (@ $($other:tt)*) => { "" };
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
///
/// `pub const NAME;` before the first one declares a list of them all, with their comments: see
/// [`Code`](crate::permission::Code).
#[macro_export]
macro_rules! permissions {
    (
        $(#[$($list_meta:tt)+])* $list_visibility:vis const $list:ident;
        $($(#[$($meta:tt)+])* $visibility:vis $name:ident = $code:literal;)*
    ) => {
        $crate::__list! { $(#[$($list_meta)+])* $list_visibility $list: $($(#[$($meta)+])* $code;)* }
        $crate::permissions! { $($(#[$($meta)+])* $visibility $name = $code;)* }
    };
    ($($(#[$($meta:tt)+])* $visibility:vis $name:ident = $code:literal;)*) => {$(
        #[doc = concat!("The permission `", $code, "`.")]
        #[doc = ""]
        $(#[$($meta)+])*
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

            fn requirement() -> $crate::permission::Requirement {
                $crate::permission::Requirement::Permission($crate::permission::Code::new(
                    $code,
                    $crate::__description!($(#[$($meta)+])*),
                ))
            }
        }
    )*};
}

/// Declares roles as types, for [`RequireRole`](crate::RequireRole); a list of them as [`permissions!`](crate::permissions) does.
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
    ($($declared:tt)*) => {
        $crate::__codes! { "role", $crate::permission::Role, $($declared)* }
    };
}

/// Declares groups as types, for [`RequireGroup`](crate::RequireGroup); a list of them as [`permissions!`](crate::permissions) does.
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
    ($($declared:tt)*) => {
        $crate::__codes! { "group", $crate::permission::Group, $($declared)* }
    };
}

/// Declares types of a trait that has no more than a code and its description.
#[doc(hidden)]
#[macro_export]
macro_rules! __codes {
    (
        $kind:literal, $trait:path,
        $(#[$($list_meta:tt)+])* $list_visibility:vis const $list:ident;
        $($(#[$($meta:tt)+])* $visibility:vis $name:ident = $code:literal;)*
    ) => {
        $crate::__list! { $(#[$($list_meta)+])* $list_visibility $list: $($(#[$($meta)+])* $code;)* }
        $crate::__codes! { $kind, $trait, $($(#[$($meta)+])* $visibility $name = $code;)* }
    };
    ($kind:literal, $trait:path, $($(#[$($meta:tt)+])* $visibility:vis $name:ident = $code:literal;)*) => {$(
        #[doc = concat!("The ", $kind, " `", $code, "`.")]
        #[doc = ""]
        $(#[$($meta)+])*
        #[derive(Debug)]
        $visibility enum $name {}

        impl $trait for $name {
            const CODE: &'static str = $code;
            const DESCRIPTION: &'static str = $crate::__description!($(#[$($meta)+])*);
        }
    )*};
}

/// Declares the list of what one macro declares.
#[doc(hidden)]
#[macro_export]
macro_rules! __list {
    ($(#[$($list_meta:tt)+])* $visibility:vis $list:ident: $($(#[$($meta:tt)+])* $code:literal;)*) => {
        $(#[$($list_meta)+])*
        $visibility const $list: &[$crate::permission::Code] =
            &[$($crate::permission::Code::new($code, $crate::__description!($(#[$($meta)+])*))),*];
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Permission;
    use crate::permission::{Group, Requirement, Role};

    permissions! {
        /// All of them.
        #[allow(dead_code)]
        pub(super) const PERMISSIONS;

        /// Read
        ///   reports.
        ///
        /// Of everyone.
        #[allow(dead_code)]
        ReadReports = "report:read";
        #[doc = concat!("Purge", " them.")]
        Purge = "report:purge";
        Undescribed = "x";
    }
    roles! {
        const ROLES;
        /// May edit.
        Editor = "editor";
    }
    groups! {
        pub(crate) const GROUPS;
        Operations = "ops";
    }
    permissions! { const NONE; }

    #[test]
    fn all_that_is_declared_is_listed_with_its_comment() {
        let expected =
            [("report:read", "Read   reports. Of everyone."), ("report:purge", "Purge them."), ("x", "")];
        let expected = expected.map(|(code, description)| Code { code, description });
        assert_eq!(PERMISSIONS, expected);
        assert_eq!(ROLES, [Code { code: "editor", description: "May edit." }]);
        assert_eq!(GROUPS, [Code { code: "ops", description: "" }]);
        assert!(NONE.is_empty());
        assert_eq!(
            (Editor::CODE, Editor::DESCRIPTION.trim(), Operations::DESCRIPTION),
            ("editor", "May edit.", "")
        );
        let [read, purge, undescribed] =
            [ReadReports::requirement(), Purge::requirement(), Undescribed::requirement()];
        assert_eq!([read, purge, undescribed], expected.map(Requirement::Permission));
    }
}
