use std::fmt;
use std::sync::Arc;

use axum::Router;

use super::identity::{Identity, IdentityHeaders};
use super::proxy::Proxy;
use super::rules::{ForwardedRequest, Rules};
use super::service::Endpoint;
use crate::server::layer::layer::AuthLayer;
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// An endpoint that a proxy asks about each request to the services behind it.
///
/// The original method, URI and headers go through the [`AuthLayer`]: its excluded paths, its credentials and its answers are
/// those of the services behind the proxy. A request that may pass is answered 200, with the user in `X-User-Id`,
/// `X-User-Name`, `X-User-Roles` and `X-User-Permissions`, which the proxy copies into the request; anonymous ones, and those
/// to excluded paths, have them empty. A layer with [`tenants`](AuthLayer::tenants) looks up whose data the request is about as
/// well: `X-Org-Id` and `X-Team-Id` of the answer are the caller's (never those of a user to act as), and replace what the
/// client has asked for. A path's parameter is not compared. A service that calls
/// ([`ServiceIdentity`](crate::service::ServiceIdentity)) is in `X-Service-Name` and `X-Service-Scopes`, with the headers of users
/// empty; for users, those two are. Any other answer is the layer's.
///
/// Values are visible ASCII: `%`, blanks, and what is not ASCII are percent-encoded as UTF-8, such as `%E5%B0%8F`. Lists are
/// separated by commas, which within a code are `%2C`.
///
/// Requests are taken from the layer's [trusted proxies](AuthLayer::trusted_proxies) only, for which the endpoint has to be
/// served with connect info; others get 403. An excluded path is compared with the path as the client sent it, and no route
/// is known here: exclude no name that a parameter may have behind the proxy. A usage record of the layer has the original
/// method and path, and the status of the check.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::forward_auth::{ForwardAuth, Identity, Proxy};
/// use axum::Router;
///
/// fn app(auth: AuthLayer) -> Router {
///     ForwardAuth::new(auth.exclude_prefix("/public"), Proxy::Nginx)
///         .require_prefix("/admin", |user| user.require("admin:access"))
///         .header(Identity::Name, "Remote-User")
///         .router("/auth")
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ForwardAuth {
    auth: AuthLayer,
    proxy: Proxy,
    rules: Rules,
    identity: IdentityHeaders,
}

impl ForwardAuth {
    /// Checks the requests that this proxy asks about by this layer.
    pub fn new(auth: AuthLayer, proxy: Proxy) -> Self {
        Self { auth, proxy, rules: Rules::default(), identity: IdentityHeaders::default() }
    }

    /// Requires a user that this function accepts, for this path and all below it: 401 without one, 403 for services, else the
    /// function's error. Several prefixes may apply to a request; all have to accept it.
    ///
    /// Whole segments are compared, decoded and in any case. With a rule, paths that servers read in different ways get 400:
    /// those with empty or dotted segments, `\`, or escapes of separators (`%2f`, `%3f`) and of what needs none (`/%61dmin`). A
    /// layer that excludes such a path contradicts itself: 500. Preflights that the layer lets pass need no user.
    ///
    /// # Panics
    /// If the prefix is such a path itself.
    #[track_caller]
    pub fn require_prefix(
        mut self,
        prefix: &str,
        check: impl Fn(&UserInfo) -> Result<(), AuthError> + Send + Sync + 'static,
    ) -> Self {
        self.rules.add_prefix(prefix, Arc::new(check));
        self
    }

    /// Lets requests pass that this function accepts, after all other rules: also those of services, and without a user. Paths that servers
    /// read in different ways get 400 before. Defaults to accepting all.
    ///
    /// ```
    /// use aigc_auth::forward_auth::ForwardAuth;
    /// use aigc_auth::AuthError;
    ///
    /// fn read_only_for_guests(forward_auth: ForwardAuth) -> ForwardAuth {
    ///     forward_auth.authorize(|request| match request.user() {
    ///         Some(user) if !user.has_role("guest") => Ok(()),
    ///         _ if request.method().is_safe() => Ok(()),
    ///         _ => Err(AuthError::missing_permission("a role other than guest")),
    ///     })
    /// }
    /// ```
    pub fn authorize(
        mut self,
        authorize: impl Fn(&ForwardedRequest<'_>) -> Result<(), AuthError> + Send + Sync + 'static,
    ) -> Self {
        self.rules.set_authorize(Arc::new(authorize));
        self
    }

    /// Sets the name of a header about the caller.
    ///
    /// # Panics
    /// If it is no header's name, or that of another of them.
    #[track_caller]
    pub fn header(mut self, what: Identity, name: &str) -> Self {
        self.identity.rename(what, name);
        self
    }

    /// Leaves a header about the caller out. The proxy has to remove those that clients send by this name all the same, if a
    /// service behind it reads them.
    pub fn without_header(mut self, what: Identity) -> Self {
        self.identity.remove(what);
        self
    }

    /// Sets how long a header about the caller may be, in bytes. Defaults to 1,536, so that all fit into the 4 KiB that nginx
    /// reads of an answer's head (`proxy_buffer_size`). Longer lists are left empty, and a warning is logged, once a minute at most; a longer id or
    /// name is an error, 500.
    pub fn max_header_len(mut self, bytes: usize) -> Self {
        self.identity.set_max_len(bytes);
        self
    }

    /// Builds a router with the endpoint at this path; for [`Proxy::Envoy`], with all that is below it.
    ///
    /// Merge it after the service's own layers: the endpoint needs no other authentication.
    ///
    /// # Panics
    /// If the path does not start with `/`, ends with it or has parameters.
    #[track_caller]
    pub fn router<S: Clone + Send + Sync + 'static>(self, path: &str) -> Router<S> {
        let is_plain =
            path.starts_with('/') && !path.ends_with('/') && !path.contains(['{', '}', '*', '?', '#']);
        assert!(
            is_plain,
            "the endpoint's path {path:?} must start with `/`, not end with it, and have no parameters"
        );
        let is_below = self.proxy.is_below_endpoint();
        let endpoint = Endpoint::new(self.auth, self.proxy, self.rules, self.identity, path);
        if !is_below {
            return Router::new().route_service(path, endpoint);
        }
        Router::new()
            .route_service(&format!("{path}/"), endpoint.clone())
            .route_service(&format!("{path}/{{*original}}"), endpoint)
    }
}

impl fmt::Debug for ForwardAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardAuth")
            .field("auth", &self.auth)
            .field("proxy", &self.proxy)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
