//! Find the tenant of a request: once, however many ask.
//!
//! In this order, so that who may not know learns nothing: the credential (401), whom the request is for (`Acting`), the
//! headers (400), what the credential is bound to (403), the membership (403, 503), the team (403), the path (403).

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::again::{find_default_again, find_named_again};
use super::header::{self, Lines, Named};
use super::policy::{TenantPolicy, WithoutOrg};
use super::trace::{audited, tell};
use crate::request::acting::{Acting, context_missing};
use crate::request::context::{self, RequestContext, ResolvedTenant};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::tenant::{Membership, NoMembership, OrgId, Tenant};
use crate::types::user::{UserId, UserInfo};

/// Returns the tenant of a request; `None` if it names no organisation and its user has none by default.
pub(crate) async fn optional(parts: &mut Parts) -> Result<Option<Tenant>, AuthError> {
    match resolve(parts).await {
        Err(error) if NoMembership::of(&error) == Some(NoMembership::NoDefault) => Ok(None),
        resolved => resolved,
    }
}

/// Returns the tenant of a request that has to have one.
pub(crate) async fn required(parts: &mut Parts) -> Result<Tenant, AuthError> {
    // Not by `resolve`: every future between takes its part of the hot path.
    let resolved = match resolve_now(parts) {
        Some(Ok(Some(tenant))) => return Ok(tenant),
        Some(resolved) => resolved,
        None => Box::pin(resolve_later(parts)).await,
    };
    resolved?.ok_or_else(|| {
        AuthError::new(ErrorKind::InvalidRequest)
            .with_detail("the request names no organisation, which it has to")
    })
}

async fn resolve(parts: &mut Parts) -> ResolvedTenant {
    match resolve_now(parts) {
        Some(resolved) => resolved,
        // Boxed, so that the futures of handlers stay small: most requests do not come here.
        None => Box::pin(resolve_later(parts)).await,
    }
}

/// Resolves what needs no waiting: no target to act as, and a membership that is cached.
fn resolve_now(parts: &Parts) -> Option<ResolvedTenant> {
    let context = context::current()?;
    let policy = context.tenant_policy().filter(|policy| policy.path_param.is_none())?;
    let user = parts.extensions.get::<UserInfo>()?;
    if header::has_any(&parts.headers, policy) {
        return resolve_named(&context, policy, user, parts);
    }
    match find_default_again(policy, user) {
        Some(tenant) => Some(found_again(&context, tenant)),
        None => resolve_cached(&context, policy, user, Lines::None, Lines::None),
    }
}

/// Does the same for a request with any of the headers.
#[inline(never)]
fn resolve_named(
    context: &RequestContext,
    policy: &TenantPolicy,
    user: &UserInfo,
    parts: &Parts,
) -> Option<ResolvedTenant> {
    let Named { act_as: Lines::None, org, team } = Named::find(&parts.headers, policy) else { return None };
    match find_named_again(policy, user, org, team) {
        Some(tenant) => Some(found_again(context, tenant)),
        None => resolve_cached(context, policy, user, org, team),
    }
}

#[inline(always)]
fn found_again(context: &RequestContext, tenant: Tenant) -> ResolvedTenant {
    let resolved = context.set_tenant(tenant);
    tell(&resolved);
    resolved
}

/// Does the same where no request like this one came a moment ago.
#[inline(never)]
fn resolve_cached(
    context: &RequestContext,
    policy: &TenantPolicy,
    user: &UserInfo,
    org: Lines<'_>,
    team: Lines<'_>,
) -> Option<ResolvedTenant> {
    if let Some(resolved) = context.resolved_tenant() {
        return Some(resolved);
    }
    let asked = match Asked::of(policy, user, [org, team], false) {
        Ok(Some(asked)) => asked,
        Ok(None) => return Some(context.resolve_tenant(Ok(None))),
        Err(error) => return Some(context.resolve_tenant(Err(error))),
    };
    let found = policy.memberships.try_find(user.id(), asked.org)?;
    let resolved = asked.answer(policy, user.id(), found);
    tell(&resolved);
    Some(context.resolve_tenant(resolved))
}

async fn resolve_later(parts: &mut Parts) -> ResolvedTenant {
    // First, and whether or not the handler takes `ActAsUser`: the data is that of the user whom the request is for.
    let acting = Acting::of(parts).await?;
    let context = context::current().ok_or_else(context_missing)?;
    let Some(policy) = context.tenant_policy() else { return Err(policy_missing()) };
    let resolved = match context.resolved_tenant() {
        Some(resolved) => resolved,
        None => {
            let mut resolved = look_up(policy, parts, &acting).await;
            if let Some(target) = &acting.target {
                resolved = audited(&context, target, resolved).await;
            }
            tell(&resolved);
            context.resolve_tenant(resolved)
        }
    };
    if let (Some(param), Ok(Some(tenant))) = (&policy.path_param, &resolved) {
        check_path(parts, param, tenant).await?;
    }
    resolved
}

async fn look_up(policy: &TenantPolicy, parts: &Parts, acting: &Acting) -> ResolvedTenant {
    let Named { org, team, .. } = Named::find(&parts.headers, policy);
    let Some(asked) = Asked::of(policy, &acting.actor, [org, team], acting.target.is_some())? else {
        return Ok(None);
    };
    let (user, memberships) = (acting.user_id(), &policy.memberships);
    let found = match memberships.try_find(user, asked.org) {
        Some(found) => found,
        None => {
            let org = asked.org.map(OrgId::from);
            let finding = memberships.find(user, org.as_ref());
            match tokio::time::timeout(policy.timeout, finding).await {
                Ok(found) => found,
                Err(_) => Err(unavailable()
                    .with_detail(format!("the memberships did not answer within {:?}", policy.timeout))),
            }
        }
    };
    asked.answer(policy, user, found)
}

/// What a request asks for.
struct Asked<'a> {
    /// `None` for the user's default.
    org: Option<&'a str>,
    team: Option<&'a str>,
    /// Whether the credential is bound to the team.
    is_bound_to_team: bool,
}

impl<'a> Asked<'a> {
    /// Reads the headers of an organisation and a team; `None` for no tenant.
    fn of(
        policy: &TenantPolicy,
        actor: &'a UserInfo,
        [org, team]: [Lines<'a>; 2],
        is_acting: bool,
    ) -> Result<Option<Self>, AuthError> {
        let org = header::id(&policy.org_header, org)?;
        let team = header::id(&policy.team_header, team)?;
        if actor.is_app_key() && !is_acting {
            return Err(denied("no user, and so no member, is behind this access key"));
        }
        let Some(bound) = actor.bound_to() else {
            let org = match (org, policy.without_org) {
                (Some(org), _) => Some(org),
                (None, WithoutOrg::Default) => None,
                (None, WithoutOrg::NoTenant) if team.is_none() => return Ok(None),
                (None, WithoutOrg::Invalid | WithoutOrg::NoTenant) => {
                    return Err(AuthError::new(ErrorKind::InvalidRequest)
                        .with_detail(format!("the request has no `{}` header", policy.org_header)));
                }
            };
            return Ok(Some(Self { org, team, is_bound_to_team: false }));
        };
        if org.is_some_and(|org| *bound.org() != *org) {
            return Err(denied("the credential is bound to another organisation"));
        }
        let bound_team = bound.team().map(|team| team.as_str());
        if bound_team.is_some() && team.is_some() && bound_team != team {
            return Err(denied("the credential is bound to another team"));
        }
        let is_bound_to_team = bound_team.is_some();
        Ok(Some(Self { org: Some(bound.org().as_str()), team: bound_team.or(team), is_bound_to_team }))
    }

    /// Makes a tenant of what was found.
    fn answer(
        &self,
        policy: &TenantPolicy,
        user: &UserId,
        found: Result<Membership, AuthError>,
    ) -> ResolvedTenant {
        let membership = found.map_err(|error| self.answered(policy, error))?;
        // Such as a table that ignores case: the handler would see two ids of one organisation.
        let is_asked = self.org.is_none_or(|org| *membership.org_id() == *org);
        if !is_asked || membership.user_id() != user {
            return Err(NoMembership::NotAMember.into());
        }
        let tenant = Tenant::of_org(membership);
        let Some(team) = self.team else { return Ok(Some(tenant)) };
        match tenant.find_team(team.as_bytes()) {
            Some(at) => Ok(Some(tenant.in_team(at))),
            None if self.is_team_ignored(policy) => Ok(Some(tenant)),
            None => Err(denied(FOREIGN_TEAM)),
        }
    }

    fn is_team_ignored(&self, policy: &TenantPolicy) -> bool {
        policy.ignores_foreign_teams && !self.is_bound_to_team
    }

    /// The error of a port, as it is answered. That there is no default means no tenant to `Option<CurrentTenant>`, and so is
    /// said to those alone who named nothing.
    fn answered(&self, policy: &TenantPolicy, error: AuthError) -> AuthError {
        match NoMembership::of(&error) {
            Some(NoMembership::NoDefault) if self.org.is_some() => NoMembership::NotAMember.into(),
            Some(NoMembership::NoDefault) if self.team.is_some() && !self.is_team_ignored(policy) => {
                denied(FOREIGN_TEAM)
            }
            _ => answered(error),
        }
    }
}

const FOREIGN_TEAM: &str =
    "the user is no active member of the team, or the organisation has none of this id";

/// The error of a port, as it is answered: a kind that speaks of the caller's credential says nothing about that.
fn answered(error: AuthError) -> AuthError {
    match error.kind() {
        ErrorKind::Unavailable => error.of_membership(),
        ErrorKind::Denied | ErrorKind::InvalidRequest | ErrorKind::Misconfigured | ErrorKind::Internal => {
            error
        }
        _ => unavailable().with_detail("the memberships failed").with_source(error),
    }
}

/// Compares the route's parameter.
async fn check_path(parts: &mut Parts, param: &str, tenant: &Tenant) -> Result<(), AuthError> {
    let params = match RawPathParams::from_request_parts(parts, &()).await {
        Ok(params) => params,
        // A route without any, or a fallback.
        Err(RawPathParamsRejection::MissingPathParams(_)) => return Ok(()),
        // Of one that is not UTF-8, all are lost; the handler may read the path by itself.
        Err(_) => {
            return Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(
                "a parameter of the path is not UTF-8, so none can be compared with the tenant",
            ));
        }
    };
    // A nested service may have a parameter of the name that the route around it has as well.
    match params.iter().all(|(name, id)| name != param || *tenant.org_id() == *id) {
        true => Ok(()),
        false => Err(denied("the path is of another organisation than the request")),
    }
}

fn denied(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Denied).with_detail(detail)
}

fn unavailable() -> AuthError {
    AuthError::new(ErrorKind::Unavailable).of_membership()
}

fn policy_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "the handler needs a tenant, and the `AuthLayer` has no memberships: set them by \
         `AuthLayer::tenants(TenantPolicy::new(..))`",
    )
}
