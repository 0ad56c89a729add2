use aigc_auth::error::ErrorKind;
use aigc_auth::extract::RequestInfo;
use aigc_auth::service::{CurrentService, RequireService, ServiceIdentity};
use aigc_auth::tenant::{Membership, RequireOrg, RequireTeam, Tenant};
use aigc_auth::testing::{self, user_id};
use aigc_auth::{
    ActAsUser, AuthError, CurrentUser, OptionalUser, RequireAdmin, RequireGroup, RequirePermission,
    RequireRole, UserInfo, groups, org_actions, permissions, roles, team_actions,
};
use http::Method;

permissions! {
    Purge = "report:purge";
}
roles! {
    Editor = "editor";
}
groups! {
    Operations = "ops";
}
org_actions! {
    enum OrgRole { Owner = "owner" }
    RenameOrg = "RENAME_ORG": Owner;
}
team_actions! {
    enum TeamRole { Lead = "lead" }
    AddAgent = "ADD_AGENT": Lead;
}

async fn who(CurrentUser(user): CurrentUser) -> String {
    user.username().to_owned()
}

async fn greet(OptionalUser(user): OptionalUser) -> bool {
    user.is_some()
}

async fn purge(user: RequirePermission<Purge>) -> String {
    user.username().to_owned()
}

async fn target(user: ActAsUser) -> (bool, String) {
    (user.is_impersonating(), user.user_id().to_string())
}

async fn origin(info: RequestInfo) -> String {
    format!("{} {} {:?}", info.method, info.path, info.client_ip)
}

#[tokio::test]
async fn handlers_are_functions() {
    let (alice, root) = (testing::user("alice"), testing::user("root").admin(true));
    assert_eq!(who(CurrentUser(alice.clone().build())).await, "alice");
    assert!(!greet(OptionalUser(None)).await);
    let purger = alice.clone().permissions(["report:purge"]).build();
    assert_eq!(purge(purger.try_into().unwrap()).await, "alice");
    assert_eq!(target(root.clone().build().into()).await, (false, user_id("root").to_string()));
    let acting = ActAsUser::impersonating(root.clone(), alice);
    assert_eq!(acting.actor().username(), "root");
    assert_eq!(acting.user().map(UserInfo::username), Some("alice"));
    assert_eq!(target(acting).await, (true, user_id("alice").to_string()));
    let mut info = RequestInfo::new(Method::GET, "/me");
    info.client_ip = Some([192, 0, 2, 1].into());
    assert_eq!(origin(info).await, "GET /me Some(192.0.2.1)");
    assert_eq!(CurrentService(ServiceIdentity::new("frontend")).name(), "frontend");
}

fn refusal<T>(made: Result<T, AuthError>) -> (ErrorKind, String) {
    let Err(error) = made else { panic!("it was accepted") };
    (error.kind(), error.needed().unwrap_or_default().to_owned())
}

#[test]
fn arguments_are_checked_as_in_a_request() {
    let may =
        testing::user("alice").permissions(["report:purge"]).roles(["editor"]).groups(["ops"]).admin(true);
    let (may, bare) = (may.build(), testing::user("bob").build());
    assert_eq!(RequirePermission::<Purge>::try_from(may.clone()).unwrap().username(), "alice");
    assert_eq!(RequireRole::<Editor>::try_from(may.clone()).unwrap().username(), "alice");
    assert_eq!(RequireGroup::<Operations>::try_from(may.clone()).unwrap().username(), "alice");
    assert_eq!(RequireAdmin::try_from(may).unwrap().username(), "alice");
    for (refused, needed) in [
        (refusal(RequirePermission::<Purge>::try_from(bare.clone())), "report:purge"),
        (refusal(RequireRole::<Editor>::try_from(bare.clone())), "role editor"),
        (refusal(RequireGroup::<Operations>::try_from(bare.clone())), "group ops"),
        (refusal(RequireAdmin::try_from(bare)), "the admin flag"),
    ] {
        assert_eq!(refused, (ErrorKind::MissingPermission, needed.to_owned()));
    }

    let frontend = ServiceIdentity::new("frontend").with_scopes(["report:purge"]);
    assert_eq!(RequireService::<Purge>::try_from(frontend.clone()).unwrap().name(), "frontend");
    let bare = RequireService::<Purge>::try_from(ServiceIdentity::new("frontend"));
    assert_eq!(refusal(bare), (ErrorKind::MissingPermission, "report:purge".to_owned()));
    // A service's scopes are no user's permissions.
    let as_user = RequirePermission::<Purge>::try_from(UserInfo::from(frontend));
    assert_eq!(refusal(as_user).0, ErrorKind::Denied);

    let membership =
        Membership::builder(7, "acme").roles(["owner"]).team("design", ["lead"]).team("lab", ["member"]);
    let tenant = Tenant::of_org(membership.build());
    assert_eq!(RequireOrg::<RenameOrg>::try_from(tenant.clone()).unwrap().org_id(), "acme");
    let team = |id: &str| tenant.clone().with_team(&id.into());
    assert!(team("nobodys").is_none());
    assert_eq!(
        RequireTeam::<AddAgent>::try_from(team("design").unwrap()).unwrap().team_id(),
        Some(&"design".into())
    );
    let member = refusal(RequireTeam::<AddAgent>::try_from(team("lab").unwrap()));
    assert_eq!(member, (ErrorKind::MissingPermission, "in the team: ADD_AGENT".to_owned()));
    let none = refusal(RequireTeam::<AddAgent>::try_from(tenant.clone()));
    assert_eq!(none.0, ErrorKind::InvalidRequest, "no team was named");
    let stranger = Tenant::of_org(Membership::builder(8, "acme").build());
    assert_eq!(refusal(RequireOrg::<RenameOrg>::try_from(stranger)).1, "in the organisation: RENAME_ORG");
}
