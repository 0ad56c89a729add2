//! What each extractor requires, as data.

use super::act_as_user::ActAsUser;
use super::current_service::CurrentService;
use super::current_tenant::CurrentTenant;
use super::current_user::CurrentUser;
use super::optional_user::OptionalUser;
use super::require_action::{RequireOrg, RequireTeam};
use super::require_group::RequireGroup;
use super::require_permission::RequirePermission;
use super::require_role::RequireRole;
use super::require_service::RequireService;
use crate::types::code::Code;
use crate::types::permission::{Group, Permission, Role};
use crate::types::requirement::Requirement;
use crate::types::requires::Requires;
use crate::types::tenant::{OrgAction, TeamAction};

macro_rules! requires {
    ($($extractor:ty $(where $param:ident: $bound:ident)? => $requirement:expr;)+) => {$(
        impl $(<$param: $bound>)? Requires for $extractor {
            fn requirement() -> Requirement {
                $requirement
            }
        }
    )+};
}

requires! {
    CurrentUser => Requirement::User;
    Option<CurrentUser> => Requirement::OptionalUser;
    // `None` for whatever was rejected.
    OptionalUser => Requirement::AllOf(Vec::new());
    ActAsUser => Requirement::ActingUser;
    CurrentService => Requirement::Service;
    CurrentTenant => Requirement::Member;
    Option<CurrentTenant> => Requirement::OptionalMember;
    RequirePermission<P> where P: Permission => P::requirement();
    RequireService<P> where P: Permission => Requirement::AllOf(vec![Requirement::Service, P::requirement()]);
    RequireRole<R> where R: Role => Requirement::Role(Code::new(R::CODE, R::DESCRIPTION));
    RequireGroup<G> where G: Group => Requirement::Group(Code::new(G::CODE, G::DESCRIPTION));
    RequireOrg<A> where A: OrgAction => A::requirement();
    RequireTeam<A> where A: TeamAction => A::requirement();
}
