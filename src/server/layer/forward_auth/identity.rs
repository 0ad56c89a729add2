use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::types::error::{AuthError, ErrorKind};
use crate::types::service::ServiceIdentity;
use crate::types::tenant::Tenant;
use crate::types::user::{Codes, UserInfo};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// What a header of the answer says of the user, of the tenant whose data the request is about, or of the service that calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The id. In `X-User-Id` by default.
    Id,
    /// The login name. In `X-User-Name` by default.
    Name,
    /// The codes of the roles. In `X-User-Roles` by default.
    Roles,
    /// The codes of the permissions. In `X-User-Permissions` by default.
    Permissions,
    /// The organisation, where the layer has [`tenants`](crate::AuthLayer::tenants). In `X-Org-Id` by default.
    Org,
    /// The team within it. In `X-Team-Id` by default.
    Team,
    /// The name of a [service](crate::service::ServiceIdentity) that calls. In `X-Service-Name` by default.
    Service,
    /// The service's scopes. In `X-Service-Scopes` by default.
    Scopes,
}

impl Identity {
    const fn is_of_tenant(self) -> bool {
        matches!(self, Self::Org | Self::Team)
    }

    /// Whether a request without it would be another's.
    const fn is_vital(self) -> bool {
        !matches!(self, Self::Roles | Self::Permissions | Self::Scopes)
    }
}

/// Whom a request is of.
#[derive(Clone, Copy, Default)]
pub(super) struct Identified<'a> {
    pub(super) user: Option<&'a UserInfo>,
    pub(super) service: Option<&'a ServiceIdentity>,
    /// `None` if the layer knows no tenants: then nothing is said of them.
    pub(super) tenant: Option<Option<&'a Tenant>>,
}

/// What is escaped in a value, besides what is not ASCII: what is not visible, and `%` itself.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// The same in a list, whose separator is a comma.
const ELEMENT: &AsciiSet = &VALUE.add(b',');

/// The headers that say who the caller is.
#[derive(Clone, Debug)]
pub(super) struct IdentityHeaders {
    names: Vec<(Identity, HeaderName)>,
    /// The longest value, in bytes.
    max_len: usize,
    /// A user with many permissions causes one a request.
    warnings: Arc<LogThrottle>,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        let names = [
            (Identity::Id, "x-user-id"),
            (Identity::Name, "x-user-name"),
            (Identity::Roles, "x-user-roles"),
            (Identity::Permissions, "x-user-permissions"),
            (Identity::Org, "x-org-id"),
            (Identity::Team, "x-team-id"),
            (Identity::Service, "x-service-name"),
            (Identity::Scopes, "x-service-scopes"),
        ];
        Self {
            names: names.map(|(what, name)| (what, HeaderName::from_static(name))).into(),
            // Four of them fit into the 4 KiB that nginx reads of an answer's head.
            max_len: 1536,
            warnings: Arc::new(LogThrottle::new(Clock::default(), Duration::from_secs(60))),
        }
    }
}

impl IdentityHeaders {
    #[track_caller]
    pub(super) fn rename(&mut self, what: Identity, name: &str) {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            panic!("{name:?} is no header's name")
        };
        self.remove(what);
        assert!(self.names.iter().all(|(_, other)| *other != header), "two headers have the name {name:?}");
        self.names.push((what, header));
    }

    pub(super) fn remove(&mut self, what: Identity) {
        self.names.retain(|(other, _)| *other != what);
    }

    pub(super) fn set_max_len(&mut self, max_len: usize) {
        self.max_len = max_len;
    }

    /// Adds all of them, empty where there is nothing to say: a proxy that copies them replaces those that the client sent.
    ///
    /// # Errors
    /// [`ErrorKind::Misconfigured`] if an id or a name is too long: without it, the request would be another's.
    pub(super) fn write(&self, of: Identified<'_>, headers: &mut HeaderMap) -> Result<(), AuthError> {
        for (what, name) in &self.names {
            if what.is_of_tenant() && of.tenant.is_none() {
                continue;
            }
            let text = text(*what, of).unwrap_or_default();
            let fits = text.len() <= self.max_len;
            if !fits && what.is_vital() {
                return Err(AuthError::new(ErrorKind::Misconfigured).with_detail(
                    "forward auth: the user's id or name, or the tenant's or service's, is longer than `max_header_len`",
                ));
            }
            if !fits && self.warnings.is_due() {
                tracing::warn!(header = %name, len = text.len(), "forward auth: left empty, longer than `max_header_len`");
            }
            let value = HeaderValue::from_str(if fits { &text } else { "" });
            headers.insert(name, value.unwrap_or(HeaderValue::from_static("")));
        }
        Ok(())
    }
}

fn text(what: Identity, Identified { user, service, tenant }: Identified<'_>) -> Option<String> {
    let (tenant, value) = (tenant.flatten(), |text: &str| utf8_percent_encode(text, VALUE).to_string());
    Some(match what {
        Identity::Id => value(&user?.id().to_string()),
        Identity::Name => value(user?.username()),
        Identity::Roles => list(user?.roles()),
        Identity::Permissions => list(user?.permissions()),
        Identity::Org => value(tenant?.org_id().as_str()),
        Identity::Team => value(tenant?.team_id()?.as_str()),
        Identity::Service => value(service?.name()),
        Identity::Scopes => list(service?.scopes()),
    })
}

fn list(codes: &Codes) -> String {
    let elements: Vec<_> = codes.iter().map(|code| utf8_percent_encode(code, ELEMENT).to_string()).collect();
    elements.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(headers: &IdentityHeaders, user: Option<&UserInfo>) -> Vec<(String, String)> {
        let mut map = HeaderMap::new();
        headers.write(Identified { user, ..Identified::default() }, &mut map).unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    #[test]
    fn values_are_ascii_and_bounded() {
        let user = UserInfo::builder("编号 1", "100% 小明\r\n")
            .roles(["editor", "a,b", "编辑"])
            .permissions((0..500).map(|n| format!("permission:{n}")))
            .build();
        let mut headers = IdentityHeaders::default();
        headers.rename(Identity::Name, "Remote-User");
        let all = |id: &str, name: &str, roles: &str, permissions: &str| {
            [
                ("x-user-id", id),
                ("x-user-roles", roles),
                ("x-user-permissions", permissions),
                ("x-service-name", ""),
                ("x-service-scopes", ""),
                ("remote-user", name),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
        };
        let (id, name) = ("%E7%BC%96%E5%8F%B7%201", "100%25%20%E5%B0%8F%E6%98%8E%0D%0A");
        let roles = "editor,a%2Cb,%E7%BC%96%E8%BE%91";
        assert_eq!(written(&headers, Some(&user)), all(id, name, roles, ""), "the permissions are too many");
        assert_eq!(written(&headers, None), all("", "", "", ""));

        headers.set_max_len(10_000);
        let permissions = &written(&headers, Some(&user))[2].1;
        assert_eq!((permissions.len(), permissions.split(',').count()), (7389, 500));
        headers.set_max_len(5);
        let error =
            headers.write(Identified { user: Some(&user), ..Identified::default() }, &mut HeaderMap::new());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Misconfigured);
    }
}
