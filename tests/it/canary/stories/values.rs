//! Values that the other stories do not come by.

use aigc_auth::cached::Cached;
use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::{Envelope, ErrorKind};
use aigc_auth::extract::RequestInfo;
use aigc_auth::impersonation::Directory;
use aigc_auth::invalidate::Invalidation;
use aigc_auth::layer::{CaptureBodyLayer, CredentialSource, GuardLayer, TenantGuardLayer, TrustedProxies};
use aigc_auth::readiness::Readiness;
use aigc_auth::registry::Registered;
use aigc_auth::tenant::{
    CachedMemberships, CurrentTenant, MemberTable, Membership, Memberships, OrgId, OrgTable, TeamTable,
    Tenant, TenantBinding, TenantPolicy,
};
use aigc_auth::user::FeishuIds;
use aigc_auth::user_sync::{OnDelete, PasswordHash};
use aigc_auth::webhook::ReplayTag;
use aigc_auth::{
    AuthError, AuthLayer, CurrentUser, RequireGroup, RequirePermission, RequireRole, UserId, UserInfo,
    Verify, groups, requirement_of, roles,
};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use serde_json::json;
use tower::{Layer, Service};

use crate::canary::flight::Flight;

roles! { pub(super) Editor = "editor"; }
groups! { pub(super) Ops = "ops"; }

/// Accepts everybody.
#[derive(Clone, Debug)]
struct Anybody(UserInfo);

impl Verify<BearerToken> for Anybody {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(self.0.clone())
    }
}

impl aigc_auth::impersonation::UserDirectory for Anybody {
    async fn find_user(&self, _: &UserId) -> Result<Option<UserInfo>, AuthError> {
        Ok(Some(self.0.clone()))
    }
}

impl Memberships for Anybody {
    async fn find_membership(&self, user: &UserId, _: Option<&OrgId>) -> Result<Membership, AuthError> {
        Ok(Membership::builder(user.clone(), "acme").roles(["owner"]).build())
    }
}

async fn needs(_: RequirePermission<super::sql::Read>) {}

pub(super) async fn story(flight: &Flight) {
    let word = |name: &'static str| flight.secret(name);
    let builder = UserInfo::builder(7, "carol")
        .nickname(word("nickname"))
        .email(word("e-mail"))
        .phone(word("phone"))
        .feishu(FeishuIds::new().with_open_id("ou_1"))
        .roles(["editor"])
        .groups(["ops"])
        .permissions(["orders:read"]);
    flight.show(&builder);
    let user = builder.build();
    flight.show(&user.id().clone());
    flight.show(user.roles());
    flight.show(&user.roles().into_iter());
    flight.show(&FeishuIds::new().with_open_id("ou_1"));
    flight.show(&AccessKey::new(&format!("ak_{}", word("access key"))).unwrap());
    flight.show(&Invalidation::All);
    flight.show(&Envelope::success(()));
    flight.show(&ReplayTag::new([7; 32]));
    flight.show(&OnDelete::set("is_active", false));
    flight.show(&PasswordHash::bcrypt(4));
    flight.show(&OrgTable::new("orgs"));
    flight.show(&TeamTable::new("teams", MemberTable::new("members")));
    flight.show(&TrustedProxies::private());
    flight.show(&CredentialSource::cookie("session"));
    flight.show(&Readiness::new());
    flight.show(&requirement_of!(needs));
    flight.show(&ErrorKind::Denied);
    let registered = json!({
        "service_id": 1, "instance_id": 2, "config": { "password": word("configuration") }, "config_version": 1,
    });
    flight.show(&serde_json::from_value::<Registered>(registered).unwrap());
    let anybody = Anybody(user.clone());
    flight.show(&Directory::new(anybody.clone()));
    flight.show(&Cached::builder(anybody.clone()));
    tenants(flight, &anybody);
    layers(flight, anybody).await;
    let context = RequestContext::builder().user(user).build();
    let inside = std::future::ready(()).in_context(context);
    flight.show(&inside);
    inside.await;
}

fn tenants(flight: &Flight, anybody: &Anybody) {
    let builder = Membership::builder(7, "acme").roles(["owner"]);
    flight.show(&builder);
    let membership = builder.build();
    flight.show(&membership);
    flight.show(&Tenant::of_org(membership));
    flight.show(&TenantBinding::to_org("acme"));
    flight.show(&TenantPolicy::new(anybody.clone()));
    let builder = CachedMemberships::builder(anybody.clone());
    flight.show(&builder);
    flight.show(&builder.build());
    let guard = TenantGuardLayer::new(|_| Ok(()));
    flight.show(&guard);
    flight.show(&guard.layer(()));
}

async fn layers(flight: &Flight, anybody: Anybody) {
    let guard = GuardLayer::permission("orders:read");
    flight.show(&guard);
    flight.show(&guard.layer(()));
    flight.show(&CaptureBodyLayer::new().layer(()));
    let shown = flight.clone();
    let handler = |user: CurrentUser,
                   permission: RequirePermission<super::sql::Read>,
                   role: RequireRole<Editor>,
                   group: RequireGroup<Ops>,
                   info: RequestInfo,
                   tenant: CurrentTenant| async move {
        shown.show(&user);
        shown.show(&permission);
        shown.show(&role);
        shown.show(&group);
        shown.show(&info);
        shown.show(&tenant);
        "shown"
    };
    let layer = AuthLayer::tokens_only(anybody.clone()).tenants(TenantPolicy::new(anybody));
    let mut service = layer.layer(Router::new().route("/", get(handler)));
    flight.show(&layer.layer(()));
    let request = Request::get(format!("/?token={}", flight.secret("URL query")))
        .header("authorization", format!("Bearer {}", flight.secret("bearer token")));
    let future = service.call(request.body(Body::empty()).unwrap());
    flight.show(&future);
    assert_eq!(future.await.unwrap().status(), 200);
}
