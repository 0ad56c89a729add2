//! AutoGPT's maps of actions and roles, as routes: who may do what where.
//!
//! What is different on purpose: a team that is not the user's is 403 and not left out of sight (see
//! `headers::foreign_team_is_ignored_if_the_policy_says_so` for the other way), and a personal organisation that is missing
//! is made by whoever implements `Memberships`, or not at all.

use aigc_auth::permission::{Action, OrgAction, Requires, TeamAction};
use aigc_auth::tenant::{Membership, NoMembership, RequireOrg, RequireTeam, TenantPolicy};
use aigc_auth::{UserInfo, org_actions, team_actions};
use axum::Router;
use axum::routing::get;

use super::support::{Table, ask};
use crate::impersonation::support::TokenVerifier;

org_actions! {
    /// Roles of `OrgMember`: its flags, and `member` without any.
    pub(crate) enum OrgRole {
        Owner = "owner",
        Admin = "admin",
        BillingManager = "billing_manager",
        Member = "member",
    }

    pub(crate) DeleteOrg = "DELETE_ORG": Owner;
    pub(crate) RenameOrg = "RENAME_ORG": Owner, Admin;
    pub(crate) ManageMembers = "MANAGE_MEMBERS": Owner, Admin;
    pub(crate) ManageWorkspaces = "MANAGE_WORKSPACES": Owner, Admin;
    pub(crate) CreateWorkspaces = "CREATE_WORKSPACES": Owner, Admin, BillingManager;
    pub(crate) ManageBilling = "MANAGE_BILLING": Owner, BillingManager;
    pub(crate) PublishToStore = "PUBLISH_TO_STORE": Owner, Admin, Member;
    pub(crate) TransferResources = "TRANSFER_RESOURCES": Owner, Admin;
    pub(crate) ViewOrg = "VIEW_ORG": Owner, Admin, BillingManager, Member;
    pub(crate) CreateResources = "CREATE_RESOURCES": Owner, Admin, Member;
    pub(crate) ShareResources = "SHARE_RESOURCES": Owner, Admin, Member;
}

team_actions! {
    /// Roles of `TeamMember`: its flags, and `member` without any.
    pub(crate) enum TeamRole { Admin = "admin", BillingManager = "billing_manager", Member = "member" }

    pub(crate) ManageTeam = "MANAGE_MEMBERS": Admin;
    pub(crate) ManageSettings = "MANAGE_SETTINGS": Admin;
    pub(crate) ManageCredentials = "MANAGE_CREDENTIALS": Admin;
    pub(crate) ViewSpend = "VIEW_SPEND": Admin, BillingManager;
    pub(crate) CreateAgents = "CREATE_AGENTS": Admin, Member;
    pub(crate) UseCredentials = "USE_CREDENTIALS": Admin, Member;
    pub(crate) ViewExecutions = "VIEW_EXECUTIONS": Admin, Member;
    pub(crate) DeleteAgents = "DELETE_AGENTS": Admin;
}

/// Which of owner, admin, billing manager and member may: as AutoGPT's map says.
const ORG: [(&str, &str); 11] = [
    ("DELETE_ORG", "o"),
    ("RENAME_ORG", "oa"),
    ("MANAGE_MEMBERS", "oa"),
    ("MANAGE_WORKSPACES", "oa"),
    ("CREATE_WORKSPACES", "oab"),
    ("MANAGE_BILLING", "ob"),
    ("PUBLISH_TO_STORE", "oam"),
    ("TRANSFER_RESOURCES", "oa"),
    ("VIEW_ORG", "oabm"),
    ("CREATE_RESOURCES", "oam"),
    ("SHARE_RESOURCES", "oam"),
];

/// Which of the team's admin, billing manager and member may.
const TEAM: [(&str, &str); 8] = [
    ("MANAGE_MEMBERS", "a"),
    ("MANAGE_SETTINGS", "a"),
    ("MANAGE_CREDENTIALS", "a"),
    ("VIEW_SPEND", "ab"),
    ("CREATE_AGENTS", "am"),
    ("USE_CREDENTIALS", "am"),
    ("VIEW_EXECUTIONS", "am"),
    ("DELETE_AGENTS", "a"),
];

/// Name, letter in the maps, role code. The last two have none.
const PEOPLE: [(&str, &str, &str); 6] = [
    ("owner", "o", "owner"),
    ("admin", "a", "admin"),
    ("billing", "b", "billing_manager"),
    ("member", "m", "member"),
    ("none", "-", ""),
    ("suspended", "-", ""),
];

/// Everyone owns their home, which is their default; `acme` is their own organisation, `umbrella` a foreign one, and `gone`
/// was deleted. In `acme`, the team `design` is everyone's by their role, and `lab` is a team of `umbrella`.
fn service() -> Router {
    let (table, mut verifier) = (Table::new(), TokenVerifier::new());
    for (name, _, role) in PEOPLE {
        verifier = verifier.and(UserInfo::builder(name, name));
        let home = format!("home-{name}");
        let at_home = Membership::builder(name, &*home).roles(["owner"]).team("garden", ["admin"]).build();
        table.say(name, None, at_home.clone());
        table.say(name, Some(&home), at_home);
        match name {
            "none" => {}
            "suspended" => table.refuse(name, Some("acme"), NoMembership::Suspended),
            _ => {
                let acme = Membership::builder(name, "acme").roles([role]);
                // Nobody owns a team.
                let acme = if name == "owner" { acme } else { acme.team("design", [role]) };
                table.say(name, Some("acme"), acme);
            }
        }
        table.refuse(name, Some("gone"), NoMembership::OrgDeleted);
    }
    let mut routes = Router::new();
    macro_rules! guarded {
        ($extractor:ident, $kind:literal, $($action:ident),+) => {$(
            let path = format!("/{}/{}", $kind, $action::NAME);
            routes = routes.route(&path, get(|_: $extractor<$action>| async {}));
        )+};
    }
    guarded!(
        RequireOrg,
        "org",
        DeleteOrg,
        RenameOrg,
        ManageMembers,
        ManageWorkspaces,
        CreateWorkspaces,
        ManageBilling,
        PublishToStore,
        TransferResources,
        ViewOrg,
        CreateResources,
        ShareResources
    );
    guarded!(
        RequireTeam,
        "team",
        ManageTeam,
        ManageSettings,
        ManageCredentials,
        ViewSpend,
        CreateAgents,
        UseCredentials,
        ViewExecutions,
        DeleteAgents
    );
    routes.layer(aigc_auth::AuthLayer::tokens_only(verifier).tenants(TenantPolicy::new(table)))
}

#[test]
fn extractors_require_what_their_actions_do() {
    assert_eq!(RequireOrg::<DeleteOrg>::requirement(), DeleteOrg::requirement());
    assert_eq!(RequireTeam::<CreateAgents>::requirement(), CreateAgents::requirement());
}

#[tokio::test]
async fn organisation_actions_are_those_of_autogpt() {
    let service = service();
    let mut asked = 0;
    for (action, may) in ORG {
        for (name, letter, _) in PEOPLE {
            let is_member = letter != "-";
            for (org, expected) in [
                (Some("acme"), is_member && may.contains(letter)),
                (Some("umbrella"), false),
                (Some("gone"), false),
                // The user's own home, of which they are the owner.
                (None, may.contains('o')),
            ] {
                let headers: Vec<_> = org.map(|org| ("x-org-id", org)).into_iter().collect();
                let (status, _) =
                    ask(&service, &format!("/org/{action}"), &format!("{name}-token"), &headers).await;
                assert_eq!(status, if expected { 200 } else { 403 }, "{name} {action} {org:?}");
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 11 * 6 * 4);
}

#[tokio::test]
async fn team_actions_are_those_of_autogpt() {
    let service = service();
    let mut asked = 0;
    for (action, may) in TEAM {
        for (name, letter, _) in PEOPLE {
            let is_in_team = matches!(letter, "a" | "b" | "m");
            let own = if is_in_team && may.contains(letter) { 200 } else { 403 };
            for (org, team, expected) in [
                (Some("acme"), Some("design"), own),
                // Of another organisation, of none, and in another organisation.
                (Some("acme"), Some("lab"), 403),
                (Some("acme"), Some("nowhere"), 403),
                (Some("umbrella"), Some("lab"), 403),
                (Some("gone"), Some("design"), 403),
                (None, Some("garden"), if may.contains('a') { 200 } else { 403 }),
                (None, Some("design"), 403),
                // Without a team: 400, for members.
                (Some("acme"), None, if letter == "-" { 403 } else { 400 }),
                (None, None, 400),
            ] {
                let headers = [("x-org-id", org), ("x-team-id", team)];
                let headers: Vec<_> =
                    headers.into_iter().filter_map(|(name, id)| Some((name, id?))).collect();
                let (status, _) =
                    ask(&service, &format!("/team/{action}"), &format!("{name}-token"), &headers).await;
                assert_eq!(status, expected, "{name} {action} {org:?} {team:?}");
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 8 * 6 * 9);
}

#[test]
fn actions_can_be_listed() {
    let letters = |action: &Action| {
        let letters = action.roles.iter().map(|role| role.chars().next().unwrap());
        (action.name, letters.collect::<String>())
    };
    let owned = |map: &[(&'static str, &str)]| {
        map.iter().map(|(name, may)| (*name, (*may).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(OrgRole::actions().iter().map(letters).collect::<Vec<_>>(), owned(&ORG));
    assert_eq!(TeamRole::actions().iter().map(letters).collect::<Vec<_>>(), owned(&TEAM));
    let nobody = [""].into_iter().collect();
    assert!(!ViewOrg::is_granted(&nobody) && !CreateAgents::is_granted(&nobody));
}
