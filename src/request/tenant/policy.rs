use std::fmt;
use std::time::Duration;

use http::HeaderName;

use crate::ports::memberships::{AnyMemberships, Memberships};

pub(super) const X_ORG_ID: HeaderName = HeaderName::from_static("x-org-id");
pub(super) const X_TEAM_ID: HeaderName = HeaderName::from_static("x-team-id");

/// How the organisation and the team of a request are found. Passed to [`AuthLayer::tenants`](crate::AuthLayer::tenants).
///
/// By default the headers `X-Org-Id` and `X-Team-Id` name them; without the first, it is the user's default organisation,
/// without the second, there is no team. A team that the user is no active member of, or that belongs to another
/// organisation, is 403.
///
/// ```
/// use aigc_auth::credential::BearerToken;
/// use aigc_auth::tenant::{Memberships, TenantPolicy};
/// use aigc_auth::{AuthLayer, Verify};
///
/// # fn layer(verifier: impl Verify<BearerToken>, memberships: impl Memberships) -> AuthLayer {
/// AuthLayer::tokens_only(verifier).tenants(TenantPolicy::new(memberships).require_org().path_param("org_id"))
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TenantPolicy {
    pub(super) memberships: AnyMemberships,
    pub(super) org_header: HeaderName,
    pub(super) team_header: HeaderName,
    /// Whether both are the defaults.
    pub(super) has_default_headers: bool,
    pub(super) without_org: WithoutOrg,
    pub(super) ignores_foreign_teams: bool,
    pub(super) path_param: Option<Box<str>>,
    pub(super) timeout: Duration,
}

/// What a request means that names no organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithoutOrg {
    /// The user's default organisation.
    Default,
    /// 400.
    Invalid,
    /// No tenant.
    NoTenant,
}

impl TenantPolicy {
    /// Asks these memberships, such as a `CachedMemberships` of a table.
    pub fn new(memberships: impl Memberships) -> Self {
        Self {
            memberships: AnyMemberships::new(memberships),
            org_header: X_ORG_ID,
            team_header: X_TEAM_ID,
            has_default_headers: true,
            without_org: WithoutOrg::Default,
            ignores_foreign_teams: false,
            path_param: None,
            timeout: Duration::from_secs(5),
        }
    }

    /// Sets the header with the organisation's id. Defaults to `X-Org-Id`.
    ///
    /// # Panics
    /// If the name cannot be that of a header.
    #[track_caller]
    pub fn org_header(mut self, name: &str) -> Self {
        self.org_header = header_name(name);
        self.has_default_headers = self.org_header == X_ORG_ID && self.team_header == X_TEAM_ID;
        self
    }

    /// Sets the header with the team's id. Defaults to `X-Team-Id`.
    ///
    /// # Panics
    /// If the name cannot be that of a header.
    #[track_caller]
    pub fn team_header(mut self, name: &str) -> Self {
        self.team_header = header_name(name);
        self.has_default_headers = self.org_header == X_ORG_ID && self.team_header == X_TEAM_ID;
        self
    }

    /// Answers 400 where a request names no organisation and its credential is bound to none. Defaults to the user's default
    /// organisation.
    pub fn require_org(mut self) -> Self {
        self.without_org = WithoutOrg::Invalid;
        self
    }

    /// Takes a request that names no organisation, and whose credential is bound to none, for one without a tenant:
    /// `Option<CurrentTenant>` is `None`, and extractors that need one answer 400. Defaults to the user's default
    /// organisation.
    pub fn without_default_org(mut self) -> Self {
        self.without_org = WithoutOrg::NoTenant;
        self
    }

    /// Ignores a team in the header that the user is no active member of, or that belongs to another organisation. Defaults
    /// to answering 403. A team that the credential is bound to is never ignored.
    pub fn ignore_foreign_teams(mut self) -> Self {
        self.ignores_foreign_teams = true;
        self
    }

    /// Answers 403 where the route has a parameter of this name, such as `org_id` in `/orgs/{org_id}/members`, and its value
    /// is another organisation than the tenant's; 400 where the path's parameters are not UTF-8. Defaults to comparing none.
    ///
    /// It is compared where an extractor or a guard asks for the tenant: a guard around a nested service does not see the
    /// parameters within it.
    ///
    /// # Panics
    /// If it is no name, but the parameter as a route has it, such as `{org_id}`: no route would have one of that name.
    #[track_caller]
    pub fn path_param(mut self, name: impl Into<Box<str>>) -> Self {
        let name = name.into();
        assert!(
            !name.is_empty() && !name.contains(['{', '}', ':', '*', '/']),
            "expected the name of a route's parameter, such as `org_id`, found `{name}`"
        );
        self.path_param = Some(name);
        self
    }

    /// The names of the headers with the ids of the organisation and the team.
    #[cfg(feature = "utoipa")]
    pub(crate) fn headers(&self) -> [&HeaderName; 2] {
        [&self.org_header, &self.team_header]
    }

    /// Sets how long a request waits for the memberships; then it is answered 503. Defaults to 5 s. Keep it above the timeout of
    /// `CachedMemberships`, which has a stale membership to serve then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

#[track_caller]
fn header_name(name: &str) -> HeaderName {
    match HeaderName::try_from(name) {
        Ok(name) => name,
        Err(_) => panic!("`{name}` cannot be the name of a header"),
    }
}

impl fmt::Debug for TenantPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPolicy")
            .field("memberships", &self.memberships)
            .field("org_header", &self.org_header)
            .field("team_header", &self.team_header)
            .field("without_org", &self.without_org)
            .field("ignores_foreign_teams", &self.ignores_foreign_teams)
            .field("path_param", &self.path_param)
            .field("timeout", &self.timeout)
            .finish()
    }
}
