//! A center with several admins, a service that names actor and target, and directories and sinks that keep their input.

use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aigc_auth::credential::BearerToken;
use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::{ActAsAttempt, ActAsTenant, AuditError, AuditSink, UserDirectory};
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::{ActAsUser, AuthError, UserId, UserInfo, Verify};
use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::Request;

use crate::support::{self, Answer, Guard, Signal};

pub(crate) const HEADER: &str = "x-act-as-user-id";

/// Alice (7) reads reports; bob (`u-8`) and tom (the text `7`) have no permissions; root (1), eve (2) and sue (`u-1`) are
/// admins. Tokens as `root-token`; access keys of root, of the app and for all apps.
pub(crate) async fn center() -> AuthCenter {
    let center = AuthCenter::start().await;
    for user in users() {
        center.add_token(format!("{}-token", user.username()), user.username());
        center.add_user(user);
    }
    center.add_access_key("ak_root", TestKey::user("root"));
    center.add_access_key("ak_app", TestKey::app("test-app"));
    center.add_access_key("ak_global", TestKey::global());
    center
}

fn users() -> [UserInfo; 6] {
    [
        testing::user("alice").id(7).email("alice@example.com").permissions(["report:read"]).build(),
        testing::user("bob").id("u-8").build(),
        testing::user("tom").id("7").build(),
        testing::user("root")
            .id(1)
            .email("root@example.com")
            .permissions(["report:write"])
            .admin(true)
            .build(),
        testing::user("eve").id(2).admin(true).build(),
        testing::user("sue").id("u-1").admin(true).build(),
    ]
}

/// Names the effective user, and the actor if that is another.
pub(crate) async fn who(who: ActAsUser) -> String {
    let name = who.user().map_or("?", |user| user.username());
    match who.is_impersonating() {
        false => format!("{} {name}", who.user_id()),
        true => format!("{} {name} by {}", who.user_id(), who.actor().username()),
    }
}

pub(crate) fn routes() -> Router {
    Router::new().route("/", any(who)).route("/orders/{id}", get(who))
}

/// A `GET /` with this credential, on behalf of another user.
pub(crate) async fn act_as(address: SocketAddr, credential: &str, target: &str) -> Answer {
    let credential = format!("Bearer {credential}");
    support::get(address, "/", &[("authorization", &*credential), (HEADER, target)]).await
}

/// The same request as [`act_as`], for a service that is called without a socket.
pub(crate) fn request(credential: &str, target: Option<&str>) -> Request<Body> {
    let mut request = Request::get("/").header("authorization", format!("Bearer {credential}"));
    if let Some(target) = target {
        request = request.header(HEADER, target);
    }
    request.body(Body::empty()).unwrap()
}

/// Verifies the tokens of the same users without a center, and is no directory.
#[derive(Clone)]
pub(crate) struct TokenVerifier(Vec<UserInfo>);

impl TokenVerifier {
    pub(crate) fn new() -> Self {
        Self(users().into())
    }

    /// With this user too, whose token is their name and `-token`.
    pub(crate) fn and(mut self, user: impl Into<UserInfo>) -> Self {
        self.0.push(user.into());
        self
    }

    fn user(&self, token: &str) -> Result<UserInfo, AuthError> {
        let name = token.strip_suffix("-token").unwrap_or_default();
        let user = self.0.iter().find(|user| user.username() == name);
        user.cloned().ok_or_else(|| ErrorKind::InvalidCredential.into())
    }
}

impl Verify<BearerToken> for TokenVerifier {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        Some(self.user(token.as_str()))
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.user(token.as_str())
    }
}

type Found = Result<Option<UserInfo>, AuthError>;

/// `None` for no answer at all.
type Find = dyn Fn(&UserId) -> Option<Found> + Send + Sync;

/// A directory that keeps the ids it looked up.
#[derive(Clone)]
pub(crate) struct FakeDirectory {
    looked_up: Arc<Mutex<Vec<UserId>>>,
    find: Arc<Find>,
}

impl FakeDirectory {
    /// The users of the center.
    pub(crate) fn new() -> Self {
        Self::with(|id| Some(Ok(users().into_iter().find(|user| user.id() == id))))
    }

    pub(crate) fn with(find: impl Fn(&UserId) -> Option<Found> + Send + Sync + 'static) -> Self {
        Self { looked_up: Arc::default(), find: Arc::new(find) }
    }

    /// The ids since the last time.
    pub(crate) fn looked_up(&self) -> Vec<UserId> {
        std::mem::take(&mut self.looked_up.lock().unwrap())
    }
}

impl UserDirectory for FakeDirectory {
    async fn find_user(&self, id: &UserId) -> Found {
        self.looked_up.lock().unwrap().push(id.clone());
        match (self.find)(id) {
            Some(found) => found,
            None => pending().await,
        }
    }
}

/// How a [`Sink`] behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mood {
    Well,
    Failing,
    Panicking,
    Hanging,
}

/// A sink that keeps its attempts and their tenants, and whose mood about either can be changed.
#[derive(Clone)]
pub(crate) struct Sink {
    attempts: Arc<Mutex<Vec<ActAsAttempt>>>,
    tenants: Arc<Mutex<Vec<ActAsTenant>>>,
    mood: Arc<Mutex<Mood>>,
    mood_about_tenants: Arc<Mutex<Mood>>,
    pub(crate) started: Signal,
    pub(crate) dropped: Signal,
}

impl Sink {
    pub(crate) fn new(mood: Mood) -> Self {
        let [started, dropped] = [(); 2].map(|()| Signal::default());
        Self {
            attempts: Arc::default(),
            tenants: Arc::default(),
            mood: Arc::new(Mutex::new(mood)),
            mood_about_tenants: Arc::new(Mutex::new(Mood::Well)),
            started,
            dropped,
        }
    }

    pub(crate) fn turn_about_tenants(&self, mood: Mood) {
        *self.mood_about_tenants.lock().unwrap() = mood;
    }

    /// The tenants since the last time.
    pub(crate) fn take_tenants(&self) -> Vec<ActAsTenant> {
        std::mem::take(&mut self.tenants.lock().unwrap())
    }

    async fn be(&self, mood: Mood) -> Result<(), AuditError> {
        let _guard = Guard(self.dropped.clone());
        self.started.give();
        match mood {
            Mood::Well => Ok(()),
            Mood::Failing => ready(Err("the disk of the audit is full".into())).await,
            Mood::Panicking => panic!("in the sink"),
            Mood::Hanging => pending().await,
        }
    }

    pub(crate) fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The attempts since the last time.
    pub(crate) fn take(&self) -> Vec<ActAsAttempt> {
        std::mem::take(&mut self.attempts.lock().unwrap())
    }
}

impl AuditSink for Sink {
    async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
        self.attempts.lock().unwrap().push(attempt.clone());
        let mood = *self.mood.lock().unwrap();
        self.be(mood).await
    }

    async fn record_tenant(&self, event: &ActAsTenant) -> Result<(), AuditError> {
        self.tenants.lock().unwrap().push(event.clone());
        let mood = *self.mood_about_tenants.lock().unwrap();
        self.be(mood).await
    }
}
