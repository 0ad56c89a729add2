//! Organisations in memory, and a service that names the tenant of a request.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use aigc_auth::error::ErrorKind;
use aigc_auth::tenant::{CurrentTenant, Membership, Memberships, NoMembership, OrgId, Tenant, TenantPolicy};
use aigc_auth::{AuthError, AuthLayer, UserId};
use axum::body::{Body, to_bytes};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::impersonation::support::TokenVerifier;

/// What is said of a user in an organisation.
pub(crate) type Said = Result<Membership, AuthError>;

/// A user and an organisation.
type Asked = (String, Option<String>);

/// Says of memberships what the test wants, and keeps what it is asked. Clones are one.
#[derive(Clone)]
pub(crate) struct Table {
    said: Arc<Mutex<HashMap<Asked, Said>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Answers wait for it.
    pub(crate) gate: Arc<Semaphore>,
    silent: Arc<Mutex<bool>>,
}

impl Table {
    /// Alice (7) is an admin of `acme` with a team `design` as its admin, and a member of `umbrella`; her default is
    /// `home-7`. Bob (`u-8`) is a member of `acme`, in the team `app`, without a default.
    pub(crate) fn new() -> Self {
        let table = Self {
            said: Arc::default(),
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            silent: Arc::default(),
        };
        table.say(7, Some("acme"), Membership::builder(7, "acme").roles(["admin"]).team("design", ["admin"]));
        table.say(
            7,
            Some("umbrella"),
            Membership::builder(7, "umbrella").roles(["member"]).team("lab", ["member"]),
        );
        table.say(7, None, Membership::builder(7, "home-7").roles(["owner"]));
        table.say(
            "u-8",
            Some("acme"),
            Membership::builder("u-8", "acme").roles(["member"]).team("app", ["member"]),
        );
        table.refuse("u-8", None, NoMembership::NoDefault);
        table
    }

    /// Answers only once `gate` lets it.
    pub(crate) fn held() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::new() }
    }

    pub(crate) fn say(&self, user: impl Into<UserId>, org: Option<&str>, membership: impl Into<Membership>) {
        self.answer(user, org, Ok(membership.into()));
    }

    pub(crate) fn refuse(&self, user: impl Into<UserId>, org: Option<&str>, why: impl Into<AuthError>) {
        self.answer(user, org, Err(why.into()));
    }

    fn answer(&self, user: impl Into<UserId>, org: Option<&str>, said: Said) {
        let key = (format!("{:?}", user.into()), org.map(str::to_owned));
        self.said.lock().unwrap().insert(key, said);
    }

    /// From now on, no answer comes.
    pub(crate) fn silence(&self, silent: bool) {
        *self.silent.lock().unwrap() = silent;
    }

    /// Whom it was asked about since the last time.
    pub(crate) fn asked_about(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Memberships for Table {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Said {
        let key = (format!("{user:?}"), org.map(OrgId::to_string));
        self.asked.lock().unwrap().push(format!("{key:?}"));
        // Read before it waits, as a database does.
        let said = self.said.lock().unwrap().get(&key).cloned();
        let silent = *self.silent.lock().unwrap();
        if silent {
            pending::<()>().await;
        }
        let _passed = self.gate.acquire().await.unwrap();
        said.unwrap_or_else(|| Err(NoMembership::NotAMember.into()))
    }
}

pub(crate) fn shown(tenant: &Tenant) -> Value {
    json!({
        "user": tenant.user_id(),
        "org": tenant.org_id(),
        "roles": tenant.org_roles(),
        "team": tenant.team_id(),
        "team_roles": tenant.team_roles(),
    })
}

/// `/` names the tenant, `/maybe` the one there is, `/orgs/{org_id}` as well, `/plain` asks for none.
pub(crate) fn routes() -> Router {
    let named = || get(|tenant: CurrentTenant| async move { Json(shown(&tenant)) });
    Router::new()
        .route("/", named())
        .route("/orgs/{org_id}", named())
        .route(
            "/maybe",
            get(|tenant: Option<CurrentTenant>| async move { Json(tenant.map(|tenant| shown(&tenant))) }),
        )
        .route("/plain", get(|| async { Json("plain") }))
}

pub(crate) fn app(policy: TenantPolicy) -> Router {
    routes().layer(layer(policy))
}

pub(crate) fn layer(policy: TenantPolicy) -> AuthLayer {
    AuthLayer::tokens_only(TokenVerifier::new()).tenants(policy)
}

/// Sends a request with this token and these headers. Returns the status and the body's JSON.
pub(crate) async fn ask<V: AsRef<[u8]>>(
    app: &Router,
    path: &str,
    token: &str,
    headers: &[(&str, V)],
) -> (u16, Value) {
    let mut request = Request::get(path).header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        let (name, value) = (HeaderName::try_from(*name), HeaderValue::from_bytes(value.as_ref()));
        request = request.header(name.unwrap(), value.unwrap());
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The status alone.
pub(crate) async fn status(app: &Router, token: &str, headers: &[(&str, &str)]) -> u16 {
    ask(app, "/", token, headers).await.0
}

pub(crate) fn unavailable() -> AuthError {
    ErrorKind::Unavailable.into()
}
