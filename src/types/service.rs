//! Services as callers.

use std::fmt;

use crate::types::permission::Permission;
use crate::types::user::{Codes, UserInfo};

/// A caller that is a service: a name and scopes, and no user.
///
/// Cheap to clone. [`ServiceVerifier`](crate::service::ServiceVerifier) makes it of a token; tests and a
/// [`Verify`](crate::Verify) of your own make it by hand and return it as a `UserInfo`, which the layer takes for the service
/// that it is: the extractors of users reject it.
///
/// ```
/// use aigc_auth::permissions;
/// use aigc_auth::service::ServiceIdentity;
///
/// permissions! {
///     pub ReadOrders = "orders:read";
/// }
///
/// let frontend = ServiceIdentity::new("frontend").with_scopes(["orders:read"]);
/// assert_eq!(frontend.name(), "frontend");
/// assert!(frontend.has_scope("orders:read") && frontend.may::<ReadOrders>());
/// ```
// One allocation for both kinds of callers, and one cache: the name is the login name, and the scopes are the permissions.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceIdentity(UserInfo);

impl ServiceIdentity {
    /// Creates the identity of the service of this name, whose subject is `service:` and the name. Without scopes.
    pub fn new(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        Self::with_subject(&format!("service:{name}"), name)
    }

    /// The same with the subject that a token has.
    pub(crate) fn with_subject(subject: &str, name: &str) -> Self {
        Self(UserInfo::builder(subject, name).admin(None).service().build())
    }

    /// Sets the scopes, replacing those set before.
    #[must_use]
    pub fn with_scopes<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        Self(self.0.to_builder().permissions(scopes).build())
    }

    /// The service that a verifier has returned; `None` for a user.
    pub(crate) fn of(verified: &UserInfo) -> Option<Self> {
        verified.is_service().then(|| Self(verified.clone()))
    }

    pub(crate) fn as_verified(&self) -> &UserInfo {
        &self.0
    }

    /// The name, such as `frontend`.
    pub fn name(&self) -> &str {
        self.0.username()
    }

    /// The subject of its token, such as `service:frontend`.
    pub fn subject(&self) -> &str {
        self.0.id().as_str().unwrap_or_default()
    }

    /// What the service may do, in the order of its token.
    pub fn scopes(&self) -> &Codes {
        self.0.permissions()
    }

    /// Whether the service has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().contains(scope)
    }

    /// Whether the service has this scope, or this combination of scopes, as [`permissions!`](crate::permissions) declares them.
    pub fn may<P: Permission>(&self) -> bool {
        P::is_granted(&self.0)
    }
}

/// The form in which a [`Verify`](crate::Verify) returns a service.
impl From<ServiceIdentity> for UserInfo {
    fn from(service: ServiceIdentity) -> Self {
        service.0
    }
}

impl fmt::Debug for ServiceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceIdentity")
            .field("name", &self.name())
            .field("scopes", self.scopes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_copies_stay_services() {
        let frontend: UserInfo = ServiceIdentity::new("frontend").with_scopes(["a"]).into();
        let copy = frontend.to_builder().email("a@example.com").build();
        assert!(
            copy.is_service() && ServiceIdentity::of(&copy).is_some_and(|service| service.has_scope("a"))
        );
        assert!(!copy.take_fresh(), "a hook would make a row of it");
        let user = UserInfo::builder("service:frontend", "frontend").permissions(["a"]).build();
        assert_eq!(ServiceIdentity::of(&user), None, "what makes a service is the verifier, and not a text");
        assert_ne!(user, frontend.to_builder().admin(false).build());
    }
}
