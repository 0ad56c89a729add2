use std::sync::Arc;

use http::header::HeaderMap;
use http::{Extensions, Method, Uri};

use super::path;
use crate::request::auth_state::{self, Unauthenticated};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::service::ServiceIdentity;
use crate::types::user::UserInfo;

/// A request that the proxy asks about, for [`ForwardAuth::authorize`](super::ForwardAuth::authorize).
#[derive(Clone, Copy, Debug)]
pub struct ForwardedRequest<'a> {
    user: Option<&'a UserInfo>,
    service: Option<&'a ServiceIdentity>,
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
}

impl<'a> ForwardedRequest<'a> {
    /// The user; `None` on excluded paths, for services, and for anonymous requests where the layer allows them.
    pub fn user(&self) -> Option<&'a UserInfo> {
        self.user
    }

    /// The service that calls; `None` for all others.
    pub fn service(&self) -> Option<&'a ServiceIdentity> {
        self.service
    }

    /// The original method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The original URI: path and query.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The original path, as it was sent. All servers see the same segments in it: requests with others were rejected before.
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// The headers, with those that the proxy has added.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }
}

type Check = dyn Fn(&UserInfo) -> Result<(), AuthError> + Send + Sync;
type Authorize = dyn Fn(&ForwardedRequest<'_>) -> Result<(), AuthError> + Send + Sync;

/// Who may use what.
#[derive(Clone, Default)]
pub(super) struct Rules {
    prefixes: Vec<(Box<str>, Arc<Check>)>,
    authorize: Option<Arc<Authorize>>,
}

impl Rules {
    #[track_caller]
    pub(super) fn add_prefix(&mut self, prefix: &str, check: Arc<Check>) {
        assert!(
            path::is_unambiguous(prefix),
            "prefix {prefix:?} must start with `/`, and have no empty or dotted segments and no needless escapes"
        );
        self.prefixes.push((prefix.into(), check));
    }

    pub(super) fn set_authorize(&mut self, authorize: Arc<Authorize>) {
        self.authorize = Some(authorize);
    }

    /// Checks a request; `is_preflight` if the layer lets it pass as one.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        extensions: &Extensions,
        is_preflight: bool,
    ) -> Result<(), AuthError> {
        if self.prefixes.is_empty() && self.authorize.is_none() {
            return Ok(());
        }
        if !path::is_unambiguous(uri.path()) {
            return Err(AuthError::new(ErrorKind::InvalidRequest)
                .with_detail("forward auth: servers read this path in different ways, so no rule is sure"));
        }
        for (prefix, check) in &self.prefixes {
            // A preflight has no credential by its nature.
            if !is_preflight && path::is_at_or_below(uri.path(), prefix) {
                check(auth_state::required(extensions)?)?;
            }
        }
        match &self.authorize {
            None => Ok(()),
            Some(authorize) => {
                let caller = auth_state::optional(extensions)?;
                let (user, service) = (caller.ok(), caller.err().and_then(Unauthenticated::service));
                authorize(&ForwardedRequest { user, service, method, uri, headers })
            }
        }
    }
}
