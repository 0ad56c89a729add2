//! Take the place of the `AuthLayer` in a test: one caller, whatever the request has.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::ports::observer::{Observer, Watch};
use crate::ports::usage::Record;
use crate::request::auth_state::{self, Unauthenticated};
use crate::request::context::{
    self, BoxError, Entered, Headers, InContext, Recorder, RequestContext, Settings, body_in_context,
};
use crate::request::impersonation::ActAsPolicy;
use crate::request::refusals::ErrorResponder;
use crate::request::tenant::TenantPolicy;
use crate::types::credential::Credential;
use crate::types::error::{ErrorKind, Language};
use crate::types::user::UserInfo;
use crate::util::boxed::BoxFuture;

/// Authenticates every request as this user, in place of [`AuthLayer`](crate::AuthLayer): for tests of handlers. A
/// [`ServiceIdentity`](crate::service::ServiceIdentity) makes it a service.
///
/// Requests have no credential, unless [`with_credential`](TestAuthLayer::with_credential) gives them one, and an admin acts as a
/// user of any id, unless [`act_as`](TestAuthLayer::act_as) says otherwise. What is in the request's `Authorization` does
/// not count; for several users, and for every other setting of the layer, there is [`users`](super::users()).
///
/// ```
/// use aigc_auth::{CurrentUser, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app: Router = Router::new()
///     .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
///     .layer(testing::signed_in(testing::user("alice")));
/// let request = http::Request::get("/me").body(axum::body::Body::empty()).unwrap();
/// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
/// # }
/// ```
pub fn signed_in(caller: impl Into<UserInfo>) -> TestAuthLayer {
    TestAuthLayer::new(Some(caller.into()))
}

/// Passes every request as one without a credential, as a layer with
/// [`allow_anonymous`](crate::AuthLayer::allow_anonymous) does: [`OptionalUser`](crate::OptionalUser) is `None`,
/// [`CurrentUser`](crate::CurrentUser) answers 401.
///
/// ```
/// use aigc_auth::{OptionalUser, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let greet = get(|OptionalUser(user): OptionalUser| async move { format!("guest: {}", user.is_none()) });
/// let app: Router = Router::new().route("/", greet).layer(testing::anonymous());
/// let request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
/// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
/// # }
/// ```
pub fn anonymous() -> TestAuthLayer {
    TestAuthLayer::new(None)
}

/// The layer that [`signed_in`] and [`anonymous`] return. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct TestAuthLayer {
    caller: Option<UserInfo>,
    credential: Option<Credential>,
    settings: Arc<Settings>,
}

impl TestAuthLayer {
    fn new(caller: Option<UserInfo>) -> Self {
        // There is no verifier, and so no directory.
        let act_as = ActAsPolicy::new().insecure_any_target();
        Self { caller, credential: None, settings: Arc::new(Settings { act_as, ..Settings::default() }) }
    }

    /// Sets the token or access key that requests were verified by: for
    /// [`context::credential`](crate::context::credential), and so for handlers that call others by an `OutboundClient`.
    /// Defaults to none.
    ///
    /// # Panics
    /// If it cannot stand in a header, or nobody is signed in.
    #[track_caller]
    pub fn with_credential(mut self, credential: impl AsRef<str>) -> Self {
        assert!(self.caller.is_some(), "nobody is signed in, and so there is no credential: use `signed_in`");
        match Credential::new(credential.as_ref()) {
            Ok(credential) => self.credential = Some(credential),
            Err(error) => panic!("the credential cannot stand in a header: {error}"),
        }
        self
    }

    /// Sets the language of error messages, as [`AuthLayer::language`](crate::AuthLayer::language).
    pub fn language(mut self, language: Language) -> Self {
        self.settings_mut().refusals.wording.language = language;
        self
    }

    /// Sets who builds the answers to errors, as [`AuthLayer::error_responder`](crate::AuthLayer::error_responder).
    pub fn error_responder(mut self, responder: ErrorResponder) -> Self {
        self.settings_mut().refusals.responder = responder;
        self
    }

    /// Tells callers what they lack, as [`AuthLayer::tell_missing_permission`](crate::AuthLayer::tell_missing_permission).
    pub fn tell_missing_permission(mut self) -> Self {
        self.settings_mut().refusals.wording.names_permission = true;
        self
    }

    /// Sets who may impersonate whom, as [`AuthLayer::act_as`](crate::AuthLayer::act_as). The policy needs a
    /// [directory](ActAsPolicy::directory), such as [`users`](super::users()), since there is no verifier to be one. Defaults to
    /// any id.
    pub fn act_as(mut self, policy: ActAsPolicy) -> Self {
        self.settings_mut().act_as = policy;
        self
    }

    /// Sets how the organisation of a request is found, as [`AuthLayer::tenants`](crate::AuthLayer::tenants).
    pub fn tenants(mut self, policy: TenantPolicy) -> Self {
        self.settings_mut().tenants = Some(policy);
        self
    }

    /// Records what handlers record by [`context::stats`](crate::context::stats), and their calls to others. The requests
    /// themselves are recorded by [`AuthLayer`](crate::AuthLayer) alone.
    pub fn with_stats(mut self, recorder: impl Record) -> Self {
        self.settings_mut().recorder = Some(Recorder::new(recorder));
        self
    }

    /// Sets who is told of refusals and of attempts to act as another user, as
    /// [`AuthLayer::observer`](crate::AuthLayer::observer).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings_mut().refusals.watch = Watch::by(observer);
        self
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl fmt::Debug for TestAuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuthLayer").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for TestAuthLayer {
    type Service = TestAuth<S>;

    fn layer(&self, inner: S) -> TestAuth<S> {
        TestAuth { inner, layer: self.clone() }
    }
}

/// The middleware of [`TestAuthLayer`].
#[derive(Clone, Debug)]
pub struct TestAuth<S> {
    inner: S,
    layer: TestAuthLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TestAuth<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Future: Send + 'static,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let TestAuthLayer { caller, credential, settings } = &self.layer;
        // For a responder that sees requests: kept until there is an answer, as the layer keeps it.
        let head = settings.refusals.capture(&request);
        let (caller, credential) = (caller.clone(), credential.clone());
        let seen = context::Request {
            headers: &Headers::read(request.headers()),
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            extensions: request.extensions(),
            head: head.as_ref(),
            is_recorded: false,
        };
        let context = RequestContext::new(&seen, settings, caller.clone(), credential);
        let identity = caller.ok_or_else(|| Unauthenticated::Rejected(ErrorKind::MissingCredential.into()));
        auth_state::set(request.extensions_mut(), identity);
        let future = {
            let mut context = Some(context.clone());
            let _entered = Entered::new(&mut context);
            self.inner.call(request)
        };
        let of_body = context.clone();
        let response = async move {
            let response = future.await;
            drop(head);
            response.map(|response| response.map(|body| body_in_context(body, Some(of_body))))
        };
        Box::pin(response.in_context(context))
    }
}
