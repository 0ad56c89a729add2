//! Organisations and teams: whose data a request is about, and what members may do.

use aigc_auth::permission::Action;
use aigc_auth::tenant::{CurrentTenant, Membership, Memberships, NoMembership, OrgId, RequireOrg};
use aigc_auth::{AuthError, UserId, org_actions};
use axum::Json;
use serde_json::{Value, json};

org_actions! {
    pub enum OrgRole { Owner = "owner", Member = "member" }

    pub RenameOrg = "RENAME_ORG": Owner;
    pub ViewOrg = "VIEW_ORG": Owner, Member;
}

/// Of alice and bob, `acme`: she owns it, and he is a member, in its team `design`.
pub(crate) struct Organisations {
    pub(crate) alice: UserId,
    pub(crate) bob: UserId,
}

impl Memberships for Organisations {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        if org.is_some_and(|org| *org != *"acme") {
            return Err(NoMembership::NotAMember.into());
        }
        let membership = Membership::builder(user.clone(), "acme");
        match user {
            user if *user == self.alice => Ok(membership.roles(["owner"]).build()),
            user if *user == self.bob => Ok(membership.roles(["member"]).team("design", ["member"]).build()),
            _ => Err(NoMembership::NotAMember.into()),
        }
    }
}

/// Whose data the request is about.
#[utoipa::path(get, path = "/org", responses((status = 200, description = "The tenant.", body = Value)))]
pub(crate) async fn tenant(tenant: CurrentTenant) -> Json<Value> {
    Json(
        json!({ "user": tenant.user_id(), "org": tenant.org_id(), "team": tenant.team_id(), "roles": tenant.org_roles() }),
    )
}

#[utoipa::path(post, path = "/org/name", responses((status = 200, description = "The new name.", body = String)))]
pub(crate) async fn rename(tenant: RequireOrg<RenameOrg>) -> String {
    format!("{} has a new name\n", tenant.org_id())
}

/// What members may do, for the docs.
#[utoipa::path(get, path = "/public/org-actions", responses((status = 200, description = "All actions.", body = [Action])))]
pub(crate) async fn org_actions() -> Json<&'static [Action]> {
    Json(OrgRole::actions())
}
