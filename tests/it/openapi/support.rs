//! Callers who have just what a document asks for.

use std::collections::BTreeSet;

use aigc_auth::credential::BearerToken;
use aigc_auth::error::ErrorKind;
use aigc_auth::tenant::{Membership, Memberships, OrgId};
use aigc_auth::{AuthError, AuthLayer, UserId, UserInfo, Verify};
use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request};
use serde_json::Value;
use test_support::openapi::Document;
use tower::ServiceExt;
use utoipa::Modify;
use utoipa_axum::router::OpenApiRouter;

/// Takes tokens that [`token`] makes.
#[derive(Clone)]
pub(super) struct ByScopes;

/// The token of a user who has what these scopes of a document name, and nothing else.
pub(super) fn token(scopes: &BTreeSet<String>) -> String {
    let text = scopes.iter().cloned().collect::<Vec<_>>().join("\n");
    format!("t{}", text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn scopes(token: &str) -> Vec<String> {
    let digits = token.strip_prefix('t').unwrap();
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    let text = String::from_utf8(bytes.collect()).unwrap();
    text.lines().map(str::to_owned).collect()
}

impl Verify<BearerToken> for ByScopes {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        match token.as_str() {
            "unknown" => return Err(ErrorKind::InvalidCredential.into()),
            "disabled" => return Err(ErrorKind::Denied.into()),
            "outage" => return Err(ErrorKind::Unavailable.into()),
            _ => {}
        }
        let (mut permissions, mut roles, mut groups) = (vec![], vec![], vec![]);
        let mut is_admin = false;
        for scope in scopes(token.as_str()) {
            match (scope.split_once(' '), &*scope) {
                (_, "the admin flag") => is_admin = true,
                (Some(("role", role)), _) => roles.push(role.to_owned()),
                (Some(("group", group)), _) => groups.push(group.to_owned()),
                (Some(_), _) => {}
                (None, permission) => permissions.push(permission.to_owned()),
            }
        }
        let user = UserInfo::builder(token.as_str(), "alice").permissions(permissions).roles(roles);
        Ok(user.groups(groups).admin(is_admin).build())
    }
}

/// Of `acme`, with a role that holds the actions of the user's scopes, by these lists.
#[derive(Clone)]
pub(super) struct ByActions(pub(super) &'static [aigc_auth::permission::Action]);

impl Memberships for ByActions {
    async fn find_membership(&self, user: &UserId, _: Option<&OrgId>) -> Result<Membership, AuthError> {
        let scopes = scopes(user.as_str().unwrap());
        let is_named = |action: &&aigc_auth::permission::Action| {
            scopes.iter().any(|scope| *scope == format!("in the organisation: {}", action.name))
        };
        let roles = self.0.iter().filter(is_named).map(|action| action.roles[0]);
        Ok(Membership::builder(user.clone(), "acme").roles(roles).build())
    }
}

/// A service, and its document.
pub(super) struct Service {
    router: Router,
    pub(super) document: Document,
}

impl Service {
    pub(super) fn new(routes: OpenApiRouter, auth: AuthLayer) -> Self {
        let (router, mut api) = routes.split_for_parts();
        auth.modify(&mut api);
        Self { router: router.layer(auth), document: Document(serde_json::to_value(api).unwrap()) }
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        credential: Option<&str>,
    ) -> (u16, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(credential) = credential {
            request = request.header("authorization", format!("Bearer {credential}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, serde_json::from_slice(&body).unwrap_or_default())
    }
}
