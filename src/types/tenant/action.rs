//! Actions as types, and the roles that hold them.

use std::fmt;

use crate::types::combinations::combinations;
use crate::types::permission::{AllOf, AnyOf, Described};
use crate::types::requirement::Requirement;
use crate::types::user::Codes;

/// Something that members of an organisation may do, by their roles there: one action, or a combination by
/// [`AllOf`] and [`AnyOf`]. Declare actions with [`org_actions!`](crate::org_actions).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action in an organisation",
    label = "not an action in an organisation",
    note = "actions are declared, with the roles that hold them, by `org_actions!`; those of teams are for `RequireTeam`",
    note = "several actions are combined as `AllOf<(A, B)>` or `AnyOf<(A, B)>`, never as a bare tuple"
)]
pub trait OrgAction: Send + Sync + 'static {
    /// Checks whether these roles in the organisation hold the action.
    fn is_granted(roles: &Codes) -> bool;

    /// Writes what is required, for the refusal and the log.
    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Returns what is required as data, for documents. Defaults to a [`Requirement::Rule`] of what
    /// [`describe`](Self::describe) writes.
    fn requirement() -> Requirement {
        Requirement::Rule(Described(Self::describe).to_string())
    }
}

/// Something that members of a team may do, by their roles there: one action, or a combination by [`AllOf`] and [`AnyOf`].
/// Declare actions with [`team_actions!`](crate::team_actions).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action in a team",
    label = "not an action in a team",
    note = "actions are declared, with the roles that hold them, by `team_actions!`; those of organisations are for `RequireOrg`",
    note = "several actions are combined as `AllOf<(A, B)>` or `AnyOf<(A, B)>`, never as a bare tuple"
)]
pub trait TeamAction: Send + Sync + 'static {
    /// Checks whether these roles in the team hold the action.
    fn is_granted(roles: &Codes) -> bool;

    /// Writes what is required, for the refusal and the log.
    fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Returns what is required as data, for documents. Defaults to a [`Requirement::Rule`] of what
    /// [`describe`](Self::describe) writes.
    fn requirement() -> Requirement {
        Requirement::Rule(Described(Self::describe).to_string())
    }
}

combinations!(OrgAction, Codes);
combinations!(TeamAction, Codes);

/// Declares the roles of an organisation, and the actions that they hold.
///
/// Each action becomes a type, for [`RequireOrg`](crate::tenant::RequireOrg) and
/// [`Tenant::may`](crate::tenant::Tenant::may). The roles become an enum that lists all actions. An action that names a role
/// which is not declared does not compile.
///
/// ```
/// use aigc_auth::org_actions;
/// use aigc_auth::tenant::RequireOrg;
///
/// org_actions! {
///     /// Roles in an organisation.
///     pub enum OrgRole { Owner = "owner", Admin = "admin", Member = "member" }
///
///     /// Delete the organisation, and all that is in it.
///     pub DeleteOrg = "DELETE_ORG": Owner;
///     pub RenameOrg = "RENAME_ORG": Owner, Admin;
///     pub ViewOrg = "VIEW_ORG": Owner, Admin, Member;
/// }
///
/// async fn rename(tenant: RequireOrg<RenameOrg>) -> String {
///     format!("{} has a new name", tenant.org_id())
/// }
///
/// for action in OrgRole::actions() {
///     println!("{}: {}", action.name, action.roles.join(", "));
/// }
/// assert_eq!(OrgRole::actions()[1].roles, ["owner", "admin"]);
/// assert_eq!(OrgRole::ALL[0].code(), "owner");
/// ```
///
/// ```compile_fail
/// aigc_auth::org_actions! {
///     pub enum OrgRole { Owner = "owner" }
///     pub DeleteOrg = "DELETE_ORG": Onwer;
/// }
/// ```
#[macro_export]
macro_rules! org_actions {
    ($($declared:tt)*) => {
        $crate::__actions! { OrgAction, $($declared)* }
    };
}

/// Declares the roles of a team, and the actions that they hold: as [`org_actions!`](crate::org_actions), for
/// [`RequireTeam`](crate::tenant::RequireTeam).
///
/// ```
/// use aigc_auth::tenant::RequireTeam;
/// use aigc_auth::team_actions;
///
/// team_actions! {
///     pub enum TeamRole { Admin = "admin", Member = "member" }
///     pub DeleteAgents = "DELETE_AGENTS": Admin;
///     pub CreateAgents = "CREATE_AGENTS": Admin, Member;
/// }
///
/// async fn create(_: RequireTeam<CreateAgents>) -> &'static str {
///     "created"
/// }
/// ```
#[macro_export]
macro_rules! team_actions {
    ($($declared:tt)*) => {
        $crate::__actions! { TeamAction, $($declared)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __actions {
    (
        $trait:ident,
        $(#[$roles_meta:meta])*
        $roles_visibility:vis enum $roles:ident {
            $($(#[$role_meta:meta])* $role:ident = $code:literal),+ $(,)?
        }
        $($(#[$($meta:tt)+])* $visibility:vis $name:ident = $action:literal: $($holder:ident),+ $(,)?;)+
    ) => {
        #[doc = "Roles, and the actions that they hold."]
        #[doc = ""]
        $(#[$roles_meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $roles_visibility enum $roles {
            $(
                #[doc = concat!("The role `", $code, "`.")]
                #[doc = ""]
                $(#[$role_meta])*
                $role,
            )+
        }

        #[allow(dead_code)]
        impl $roles {
            /// All roles, in the order of their declaration.
            $roles_visibility const ALL: &'static [Self] = &[$(Self::$role),+];

            /// The role's code, as memberships have it.
            $roles_visibility const fn code(self) -> &'static str {
                match self {
                    $(Self::$role => $code,)+
                }
            }

            /// All actions, in the order of their declaration, with the roles that hold them.
            $roles_visibility const fn actions() -> &'static [$crate::permission::Action] {
                const ACTIONS: &[$crate::permission::Action] = &[$($name::ACTION),+];
                ACTIONS
            }
        }

        $(
            #[doc = concat!("The action `", $action, "`.")]
            #[doc = ""]
            $(#[$($meta)+])*
            #[derive(Debug)]
            $visibility enum $name {}

            #[allow(dead_code)]
            impl $name {
                /// The action's name.
                $visibility const NAME: &'static str = $action;

                /// The roles that hold the action.
                $visibility const ROLES: &'static [$roles] = &[$($roles::$holder),+];

                /// The action as data.
                $visibility const ACTION: $crate::permission::Action = $crate::permission::Action::new(
                    $action,
                    $crate::__description!($(#[$($meta)+])*),
                    &[$($roles::$holder.code()),+],
                );
            }

            impl $crate::permission::$trait for $name {
                fn is_granted(roles: &$crate::user::Codes) -> bool {
                    Self::ROLES.iter().any(|role| roles.contains(role.code()))
                }

                fn describe(f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str($action)
                }

                fn requirement() -> $crate::permission::Requirement {
                    $crate::permission::Requirement::$trait(Self::ACTION)
                }
            }
        )+
    };
}
